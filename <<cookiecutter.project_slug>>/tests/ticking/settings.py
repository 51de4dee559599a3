"""The tests' site with a task that recurs each second."""

from tests.site.settings import *  # noqa: F403
from tests.site.settings import INSTALLED_APPS as SITE_APPS

INSTALLED_APPS = [*SITE_APPS, "tests.ticking"]
