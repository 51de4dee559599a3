from collections.abc import Iterator

import pytest

from tests.server import Server, running
from tests.web.raw import Connection


@pytest.fixture(scope="session", params=["isolated", "main"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for each kind of interpreter that the web may have, with four threads."""
    with running(
        tmp_path_factory.mktemp("data"), ROLES="web", WEB_INTERPRETERS="1", WEB_THREADS="4", MAX_REQUEST_BODY="400M",
        WEB_INTERPRETER=request.param, DJANGO_SETTINGS_MODULE="tests.web.settings",
        TRUSTED_PROXIES="127.0.0.2,10.0.0.0/8",
    ) as server:  # fmt: skip
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[Connection]:
    with Connection(server) as connection:
        yield connection
