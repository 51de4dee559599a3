"""The other half of a request's way: what a web interpreter runs.

loop.py          one loop per web thread
channel.py       that thread's end of the socket, and of the waiting room
wsgi.py          one request; environ.py is what is asked, proxies.py (shared) by whom, files.py an answer from a file
"""
