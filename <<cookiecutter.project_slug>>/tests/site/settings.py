"""The project's settings with the tests' own tasks and views."""

from config.settings import *  # noqa: F403
from config.settings import DATABASES, INTERPRETERS, MIDDLEWARE, TASKS, env
from config.settings import INSTALLED_APPS as PROJECT_APPS

INSTALLED_APPS = [*PROJECT_APPS, "tests.site"]
ROOT_URLCONF = "tests.site.urls"
INTERPRETERS["web"]["canary"] = 0
INTERPRETERS["web"]["max_requests"] = env.integer("WEB_MAX_REQUESTS", 0, least=0, most=1000)
INTERPRETERS["web"]["interpreter"] = env.text("WEB_INTERPRETER", "isolated")
INTERPRETERS["web"]["request_timeout"] = env.seconds("WEB_REQUEST_TIMEOUT", 30)

if env.flag("EVERY_MIDDLEWARE"):
    MIDDLEWARE += [f"tests.site.usual.{name}" for name in ("synchronous", "asynchronous", "either")]

if "timeout" in DATABASES["default"].get("OPTIONS", {}):
    DATABASES["default"]["OPTIONS"]["timeout"] = env.seconds("SQLITE_TIMEOUT", 20)

if MEMORY_QUEUE := env.integer("MEMORY_QUEUE", 0, least=0, most=1000):
    TASKS["memory"] = {
        "BACKEND": "tasks.backends.InterpreterQueueBackend",
        "QUEUES": TASKS["default"]["QUEUES"],
        "OPTIONS": {"size": MEMORY_QUEUE},
    }
