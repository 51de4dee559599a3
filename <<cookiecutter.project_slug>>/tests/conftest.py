import logging
import os
import tempfile

# Before Django reads its settings: development, on data of this run's own. A DATABASE_URL of the environment counts.
os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="tests-")
os.environ["DEBUG"] = "1"
os.environ.setdefault("SECRET_KEY", "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz")

logging.getLogger("httpx").setLevel(logging.WARNING)
