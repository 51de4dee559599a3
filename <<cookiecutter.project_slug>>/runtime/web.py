"""The loop of a web thread: receive a request, let Django answer it, send the response."""

import logging
import os
import socket
from functools import partial

from django.core.servers.basehttp import get_internal_wsgi_application

from runtime import frames
from runtime.board import State
from runtime.inside import Assignment, Loop, Seat
from runtime.wsgi import Application, Exchange

logger = logging.getLogger("server")


def run(assignment: Assignment) -> Loop:
    return partial(serve, get_internal_wsgi_application())


def serve(application: Application, seat: Seat) -> None:
    """Answer requests until main closes its end of the socket."""
    buffer = memoryview(bytearray(frames.FRAME_SIZE))
    with socket.socket(fileno=os.dup(seat.assignment.sockets[seat.index])) as channel:
        while size := channel.recv_into(buffer):
            frame = frames.unpack(buffer[:size])
            if frame != frames.GONE:  # one that came after the response had gone out
                seat.busy()
                Exchange(channel, frame).run(application)
                seat.idle()
    seat.show_state(State.LEAVING)
