"""Answers that the main interpreter gives by itself."""

import json
from typing import Any

from runtime.shared import frames


def send_text(proto: Any, status: int, text: str, content_type: str = "text/plain; charset=utf-8") -> None:
    proto.response_str(status, [("content-type", content_type), ("cache-control", "no-store")], text)


def send_error(proto: Any, status: int, kind: str, message: str, retry_after: int = 0) -> int:
    proto.response_bytes(status, *error(kind, message, retry_after))
    return status


def error(kind: str, message: str, retry_after: int = 0) -> tuple[frames.Headers, bytes]:
    """Headers and body of an error: JSON {"error": {"type", "message"}}."""
    headers = [("content-type", "application/json"), ("cache-control", "no-store")]
    if retry_after:
        headers.append(("retry-after", str(retry_after)))
    return headers, json.dumps({"error": {"type": kind, "message": message}}).encode()
