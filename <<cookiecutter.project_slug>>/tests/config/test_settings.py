"""The settings as a server reads them in its boot interpreter: an environment in, a plan or one line out."""

import pytest

from runtime.interpreter.host import call_once

ALL = (
    "DEBUG", "SECRET_KEY", "ALLOWED_HOSTS", "HOST", "PORT", "ROLES", "DATABASE_URL", "WEB_INTERPRETERS", "WEB_THREADS",
    "SHUTDOWN_TIMEOUT", "MEMORY_LIMIT", "MAX_REQUEST_BODY", "TRUSTED_PROXIES", "LOG_FORMAT", "SQLITE_SYNCHRONOUS",
    "EMAIL_URL", "SSL_CERT", "SSL_KEY",
)  # fmt: skip


@pytest.fixture
def read_plan(monkeypatch, tmp_path):
    def read(**variables):
        for name, value in (dict.fromkeys(ALL, "") | {"DATA_DIR": str(tmp_path / "data")} | variables).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "config.settings")
        return call_once("isolated", "runtime.start.boot:read_plan")

    return read


def test_with_nothing_set_it_is_in_production_on_this_machine_alone(read_plan, tmp_path):
    plan = read_plan()

    assert (plan["debug"], plan["host"], plan["port"], plan["database"]) == (False, "127.0.0.1", 8000, "sqlite3")
    assert (plan["roles"], plan["shutdown_timeout"], plan["memory_limit"]) == (("web", "workers"), 30, 0)
    assert (tmp_path / "data" / "secret_key").exists()


def test_every_queue_is_served(read_plan):
    plan = read_plan()

    assert plan["problems"] == ()
    assert set(plan["queues"]) == {queue for pool in plan["workers"] for queue in pool["queues"]}


@pytest.mark.parametrize(("query", "timeout"), [("", "20000"), ("?tcp_user_timeout=5000", "5000")])
def test_a_postgresql_that_vanishes_is_noticed_unless_the_address_says_otherwise(read_plan, query, timeout):
    address = read_plan(DATABASE_URL=f"postgres://me:hush@localhost/shop{query}")["database_address"]

    assert {f"tcp_user_timeout={timeout}", "keepalives_idle=10"} <= set(address.split())


def test_every_variable_reaches_the_plan(read_plan, tmp_path):
    plan = read_plan(
        DEBUG="1", HOST="::", PORT="9000", ROLES="web", WEB_INTERPRETERS="3", WEB_THREADS="4", SHUTDOWN_TIMEOUT="1.5",
        MEMORY_LIMIT="2G", MAX_REQUEST_BODY="5M", TRUSTED_PROXIES="10.0.0.1, 10.0.0.2", LOG_FORMAT="json",
        DATABASE_URL="postgres://me:hush@localhost/shop",
    )  # fmt: skip

    expected = {
        "debug": True, "host": "::", "port": 9000, "roles": ("web",), "shutdown_timeout": 1.5,
        "memory_limit": 2 * 2**30, "max_request_body": 5 * 2**20, "trusted_proxies": ("10.0.0.1/32", "10.0.0.2/32"),
        "log_format": "json", "database": "postgresql", "data_dir": str(tmp_path / "data"),
    }  # fmt: skip
    assert expected.items() <= plan.items()
    assert (plan["web"]["count"], plan["web"]["threads"]) == (3, 4)


@pytest.mark.parametrize(
    "variables",
    [
        {"PORT": "65536"}, {"MAX_REQUEST_BODY": "big"}, {"SQLITE_SYNCHRONOUS": "off"}, {"EMAIL_URL": "pigeon://"},
        {"WEB_THREADS": "65"}, {"TRUSTED_PROXIES": "10.0.0.300"},
    ],
)  # fmt: skip
def test_a_wrong_value_is_one_line_that_names_it(read_plan, variables):
    ((name, value),) = variables.items()
    error = read_plan(**variables)["error"]

    assert error.startswith(f"{name}=")
    assert value in error or "(not shown)" in error
    assert "allowed is" in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize("folder", ["/proc/nowhere", "/dev/null", "/dev/null/data"])
def test_a_data_dir_that_cannot_be_made_is_one_line_that_names_it(read_plan, folder):
    error = read_plan(DATA_DIR=folder)["error"]

    assert error.startswith(f"DATA_DIR={folder!r}: allowed is a folder that can be written to")
    assert len(error.splitlines()) == 1
