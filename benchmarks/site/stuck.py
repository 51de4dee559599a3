"""Tasks that are in the same function for some seconds, each in another way."""

import io
import re
import socket
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing

from django.tasks import task

EVIL = re.compile(r"(a+)+$")
STATEMENT = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000000) SELECT max(i) FROM n"


@task
def python_loop(seconds: float) -> float:
    return again(compute, seconds)


@task
def regular_expression(seconds: float) -> float:
    return again(match, seconds)


@task
def sleep(seconds: float) -> float:
    return again(pause, seconds)


@task
def read_from_a_socket(port: int) -> str:
    with socket.create_connection(("127.0.0.1", port)) as peer:
        return receive(peer)


@task
def sqlite_statement(seconds: float) -> float:
    return again(query, seconds)


@task(queue_name="images")
def pillow(seconds: float) -> float:
    from PIL import Image

    content = io.BytesIO()
    Image.effect_noise((4000, 3000), 50).convert("RGB").save(content, "JPEG")
    return again(lambda end: decode(end, content), seconds)


def again(work: Callable[[float], object], seconds: float) -> float:
    """Work until `seconds` are over; how many it were."""
    started = time.monotonic()
    work(started + seconds)
    return time.monotonic() - started


def compute(end: float) -> None:
    while time.monotonic() < end:
        pass


def match(end: float) -> None:
    while time.monotonic() < end:
        EVIL.match("a" * 22 + "b")


def pause(end: float) -> None:
    time.sleep(end - time.monotonic())


def receive(peer: socket.socket) -> str:
    return peer.recv(1).decode()


def query(end: float) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        while time.monotonic() < end:
            connection.execute(STATEMENT).fetchone()


def decode(end: float, content: io.BytesIO) -> None:
    from PIL import Image

    while time.monotonic() < end:
        Image.open(content).load()
