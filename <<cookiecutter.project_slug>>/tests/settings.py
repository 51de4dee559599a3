"""The project's settings for tests that run in pytest's process: development, on data of this run's own.

A DATABASE_URL of the environment counts, so the same tests run on PostgreSQL.
"""

import atexit
import os
import shutil
import tempfile

os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="tests-")
os.environ["DEBUG"] = "1"
os.environ.setdefault("SECRET_KEY", "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz")
atexit.register(shutil.rmtree, os.environ["DATA_DIR"], ignore_errors=True)

from config.settings import *  # noqa: E402, F403
