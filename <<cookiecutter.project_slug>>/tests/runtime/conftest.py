import threading
from collections.abc import Iterator

import pytest

from runtime.interpreter import inside


@pytest.fixture(autouse=True)
def this_interpreter_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test runs in the main interpreter leaves no trace of itself there."""
    monkeypatch.setattr(inside, "current", None)
    monkeypatch.setattr(inside, "board", None)
    name = threading.current_thread().name
    yield
    threading.current_thread().name = name
