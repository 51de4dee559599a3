"""A mail server for tests: takes what smtplib sends, and refuses whom it is told to."""

import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default


@dataclass
class Mail:
    sender: str
    recipients: list[str]
    content: bytes
    arrived_at: int = field(default_factory=time.time_ns)

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.content, policy=default)


class SmtpServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        self.mails: list[Mail] = []
        self.answers: dict[str, str] = {}  # to RCPT, by address; to DATA, under "DATA"
        self.arrived = threading.Condition()
        super().__init__(("127.0.0.1", port), Conversation)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def wait_for(self, number: int, seconds: float = 60) -> list[Mail]:
        """The mails, once there are so many."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.mails) >= number, seconds), self.mails
            return list(self.mails)


class Conversation(socketserver.StreamRequestHandler):
    server: SmtpServer

    def handle(self) -> None:
        self.say("220 test")
        sender, recipients = "", []
        for line in self.rfile:
            command, _, rest = line.decode().strip().partition(" ")
            address = rest.partition("<")[2].partition(">")[0]
            match command.upper():
                case "MAIL":
                    sender, recipients = address, []
                    self.say("250 OK")
                case "RCPT":
                    answer = self.server.answers.get(address, "250 OK")
                    recipients += [address] if answer.startswith("250") else []
                    self.say(answer)
                case "DATA":
                    self.say("354 go on")
                    self.take(sender, recipients)
                case "QUIT":
                    return self.say("221 bye")
                case _:
                    self.say("250 OK")

    def take(self, sender: str, recipients: list[str]) -> None:
        lines = iter(self.rfile.readline, b".\r\n")
        content = b"".join(line.removeprefix(b".") for line in lines)
        answer = self.server.answers.get("DATA", "250 OK")
        if answer.startswith("250"):
            with self.server.arrived:
                self.server.mails.append(Mail(sender, recipients, content))
                self.server.arrived.notify_all()
        self.say(answer)

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def serving(port: int = 0) -> Iterator[SmtpServer]:
    with SmtpServer(port) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
