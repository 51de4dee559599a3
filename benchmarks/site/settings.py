"""The template's settings with the benchmarks' views and tasks."""

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "benchmarks.site"]
ROOT_URLCONF = "benchmarks.site.urls"
