"""The project's settings with the tests' own tasks and views."""

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS as PROJECT_APPS

INSTALLED_APPS = [*PROJECT_APPS, "tests.site"]
ROOT_URLCONF = "tests.site.urls"
