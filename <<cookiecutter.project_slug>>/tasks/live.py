"""Addresses at which a page hears what changes, without asking (runtime/http/live.py)."""

import time
from functools import cache

from django.conf import settings
from django.utils.crypto import salted_hmac

from runtime.http import live

GOOD_FOR = 3600  # seconds; a page then gets a new one


def live_url(topic: str, subject: str = "") -> str:
    """Whoever has the address may listen to this subject: give it to those who may see it."""
    path, until = f"{live.PREFIX}{topic}/{subject}", int(time.time()) + GOOD_FOR
    return f"{path}?until={until}&signature={live.signature(live_key(), path, until)}"


def live_key() -> str:
    """Follows from SECRET_KEY; main, which does not know that one, gets it with the plan."""
    return derived_key(settings.SECRET_KEY)


@cache
def derived_key(secret_key: str) -> str:
    return salted_hmac("tasks.live", "key", secret=secret_key, algorithm="sha256").hexdigest()
