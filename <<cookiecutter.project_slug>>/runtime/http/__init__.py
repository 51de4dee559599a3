"""A request's half of the way in the main interpreter: from Granian to a web thread and back. No Django here.

server.py        Granian, embedded
bridge.py        a request goes to an idle web thread, or into the waiting room (waiting_room.py)
static.py        static files, answered without a web thread
body.py          takes in a request's body, before a thread is asked for
link.py          main's end of the socket to one web thread
delivery.py      a response in parts on its way to the client; connection.py looks at that client's socket, or cuts it
stream_limit.py  bounds the long responses, so that a thread remains for everybody else
responses.py     answers that main gives by itself
live.py          pages that hear what changes
web_metrics.py   counts the requests
"""
