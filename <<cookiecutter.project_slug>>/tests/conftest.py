import logging

logging.getLogger("httpx").setLevel(logging.WARNING)
