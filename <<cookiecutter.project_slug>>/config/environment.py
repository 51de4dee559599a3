"""Reading settings from the environment and from `.env`, with errors that say what is allowed.

The process environment wins over `.env`. Nothing is written back to the environment: a reload reads `.env` afresh.
"""

import os
import re
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

EXAMPLE_SECRET = re.compile("django-insecure|development|example|change.?me|placeholder|your.?secret", re.IGNORECASE)
SIZE_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}


class Environment(environ.Env):  # type: ignore[misc]
    """django-environ, with one-line errors that name the variable, the value and what is allowed."""

    def __init__(self, env_file: Path) -> None:
        super().__init__()
        type(self).ENVIRON = {}  # not the process's own: reading .env must not change it
        if env_file.exists():
            self.read_env(env_file)
        self.file = dict(self.ENVIRON)
        type(self).ENVIRON = self.file | os.environ

    def _wrong(self, name: str, allowed: str, *, secret: bool = False) -> ImproperlyConfigured:
        value = "(not shown)" if secret else repr(self.ENVIRON.get(name, ""))
        return ImproperlyConfigured(f"{name}={value}: allowed is {allowed}.")

    def text(self, name: str, default: str) -> str:
        """A variable that is set but empty counts as not set."""
        return self.ENVIRON.get(name) or default

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.text(name, str(default))
        if not _is_on(value) and value.lower() not in {"0", "false", "no", "off"}:
            raise self._wrong(name, "1 or 0")
        return _is_on(value)

    def integer(self, name: str, default: int, least: int, most: int) -> int:
        value = self.text(name, str(default))
        if not re.fullmatch(r"\d{1,18}", value) or not least <= int(value) <= most:
            raise self._wrong(name, f"a whole number from {least} to {most}")
        return int(value)

    def seconds(self, name: str, default: float) -> float:
        value = self.text(name, str(default))
        if not re.fullmatch(r"\d{1,9}(\.\d+)?", value):
            raise self._wrong(name, "a number of seconds, 0 or more")
        return float(value)

    def size(self, name: str, default: int = 0) -> int:
        """Bytes: a whole number, or one with the unit K, M or G (powers of 1024)."""
        value = self.text(name, str(default)).upper()
        match = re.fullmatch(r"(\d{1,15})([KMG]?)B?", value)
        if match is None:
            raise self._wrong(name, "a number of bytes, or one with a unit, as in 500M or 2G")
        return int(match[1]) * SIZE_UNITS[match[2]]

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        value = self.text(name, default)
        if value not in choices:
            raise self._wrong(name, " or ".join(choices))
        return value

    def choices(self, name: str, default: str, choices: tuple[str, ...]) -> tuple[str, ...]:
        """Several of the choices, separated by commas."""
        values = self.words(name, default)
        if not values or not set(values) <= set(choices):
            raise self._wrong(name, f"one or more of {', '.join(choices)}, separated by commas")
        return values

    def folder(self, name: str, default: Path) -> Path:
        """A folder, made if it is not there; a relative one counts from where the default is."""
        path = default.parent / self.text(name, str(default))
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._wrong(name, f"a folder that can be written to ({path}: {error.strerror})") from None
        if not os.access(path, os.W_OK | os.X_OK):
            raise self._wrong(name, f"a folder that can be written to ({path}: by user {os.getuid()})")
        return path

    def words(self, name: str, default: str = "") -> tuple[str, ...]:
        return tuple(word.strip() for word in self.text(name, default).split(",") if word.strip())

    def networks(self, name: str) -> tuple[str, ...]:
        """Addresses, or networks (10.0.0.0/8)."""
        try:
            return tuple(str(ip_network(word)) for word in self.words(name))
        except ValueError:
            raise self._wrong(name, "addresses or networks (10.0.0.0/8), separated by commas") from None

    def secret(self, name: str, least_length: int) -> str:
        """A secret of at least `least_length` characters, or "" where none is set.

        In production a secret out of an `.env` that asks for development counts as none: it is not for both.
        """
        value, in_production = self.text(name, ""), not self.flag("DEBUG")
        if in_production and value == self.file.get(name) and _is_on(self.file.get("DEBUG", "")):
            return ""
        is_example = value.startswith("django-insecure-") or (in_production and EXAMPLE_SECRET.search(value))
        if value and (len(value) < least_length or len(set(value)) < 5 or is_example):
            raise self._wrong(name, f"a random text of {least_length} characters or more", secret=True)
        return value

    def database(self, name: str, default: str) -> dict[str, Any]:
        allowed = "sqlite:///path/to/file or postgres://user:password@host:5432/name"
        url = self.text(name, default)
        try:
            known = urlsplit(url).scheme in {"sqlite", "postgres", "postgresql"}
            config: dict[str, Any] = self.db_url_config(url) if known else {}
        except ImproperlyConfigured, ValueError:
            raise self._wrong(name, allowed, secret=True) from None
        if config.get("NAME") in (None, "", ":memory:"):  # one in memory would be another one for each connection
            raise self._wrong(name, allowed, secret=True)
        return config

    def mailer(self, name: str, default: str) -> dict[str, object]:
        """One entry of Django's MAILERS: smtp://user:password@host:587, smtp+tls://…, smtp+ssl://…, consolemail://."""
        try:
            config = self.email_url_config(self.text(name, default))
        except ImproperlyConfigured, ValueError:
            raise self._wrong(name, "smtp+tls://user:password@host:587 or consolemail://", secret=True) from None
        if not config["EMAIL_BACKEND"].endswith("smtp.EmailBackend"):
            return {"BACKEND": config["EMAIL_BACKEND"]}
        options = {
            "host": config["EMAIL_HOST"] or "localhost",
            "port": config["EMAIL_PORT"] or 25,
            "username": config["EMAIL_HOST_USER"] or "",
            "password": config["EMAIL_HOST_PASSWORD"] or "",
            "use_tls": config.get("EMAIL_USE_TLS", False),
            "use_ssl": config.get("EMAIL_USE_SSL", False),
            "timeout": 10,
        }
        return {"BACKEND": config["EMAIL_BACKEND"], "OPTIONS": options}


def _is_on(value: str) -> bool:
    return value.lower() in {"1", "true", "yes", "on"}
