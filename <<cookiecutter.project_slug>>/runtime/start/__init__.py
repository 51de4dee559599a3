"""What comes before the first request.

command.py       the command line, and the boot interpreter from outside
boot.py          what runs in that one: settings, checks, migrations, static files
refusals.py      what stops a start, in a sentence
explain.py       who pulls in a module that does not load
"""
