"""The tests' site, with applications of its own beside Django (application.py)."""

from tests.site.settings import *  # noqa: F403

WSGI_APPLICATION = "tests.web.application.application"
