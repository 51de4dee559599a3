"""What a proxy says of its client: believed if the proxy is one of TRUSTED_PROXIES, else taken out of the request."""

from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any

FOR, PROTO, HOST, PORT = (f"HTTP_X_FORWARDED_{name}" for name in ("FOR", "PROTO", "HOST", "PORT"))


def address_of(client: str) -> str:
    """Of RSGI's "address:port", without brackets; IPv4 as itself, where it came to a socket of both families."""
    return client.rpartition(":")[0].strip("[]").removeprefix("::ffff:")


class Proxies:
    """The networks whose X-Forwarded headers count."""

    def __init__(self, trusted: tuple[str, ...] = ()) -> None:
        self.networks = [ip_network(network) for network in trusted]
        self.are_trusted = lru_cache(1024)(self._are_trusted)

    def apply(self, environ: dict[str, Any]) -> None:
        """Let the environ name the client as the proxies know it."""
        if not (FOR in environ or PROTO in environ or HOST in environ or PORT in environ):
            return
        if not self.are_trusted(environ["REMOTE_ADDR"]):
            for name in (FOR, PROTO, HOST, PORT):
                environ.pop(name, None)
            return
        if scheme := _last(environ, PROTO).lower():
            environ["wsgi.url_scheme"] = "https" if scheme == "https" else "http"
        if host := _last(environ, HOST):
            environ["HTTP_HOST"] = host
        if address := self._client(environ.get(FOR, "")):
            environ["REMOTE_ADDR"] = address
            del environ["REMOTE_PORT"]  # the proxy's

    def _client(self, chain: str) -> str:
        """Each proxy has added whom it was asked by: the last one that is no proxy of ours is the client."""
        client = ""
        for word in reversed(chain.split(",")):
            address = _address(word.strip())
            if not address:
                break
            client = address
            if not self.are_trusted(address):
                break
        return client

    def _are_trusted(self, address: str) -> bool:
        number = ip_address(address)
        return any(number in network for network in self.networks)


def _last(environ: dict[str, Any], name: str) -> str:
    """What the proxy nearest to us has said."""
    return str(environ.get(name, "")).rpartition(",")[2].strip()


def _address(word: str) -> str:
    """An address without its port; "" where it is none."""
    if word.startswith("["):
        word = word[1:].partition("]")[0]
    elif word.count(":") == 1:
        word = word.partition(":")[0]
    try:
        return str(ip_address(word))
    except ValueError:
        return ""
