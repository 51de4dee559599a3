"""The project's settings with the tests' own tasks and views."""

from config.settings import *  # noqa: F403
from config.settings import DATABASES, INTERPRETERS, env
from config.settings import INSTALLED_APPS as PROJECT_APPS

INSTALLED_APPS = [*PROJECT_APPS, "tests.site"]
ROOT_URLCONF = "tests.site.urls"
INTERPRETERS["web"]["canary"] = 0
INTERPRETERS["web"]["request_timeout"] = env.seconds("WEB_REQUEST_TIMEOUT", 30)

if "timeout" in DATABASES["default"].get("OPTIONS", {}):
    DATABASES["default"]["OPTIONS"]["timeout"] = env.seconds("SQLITE_TIMEOUT", 20)
