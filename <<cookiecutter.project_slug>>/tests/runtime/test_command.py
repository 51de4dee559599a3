"""The command line of main.py, and what a start says."""

import logging
import os

import pytest

from runtime.questions.status import show_status
from runtime.shared.plan import StartError
from runtime.start.command import announce, parse_arguments, take_data_dir
from tests.runtime.make import make_plan
from tests.server import run_main


@pytest.fixture
def parse(monkeypatch):
    def parse(*arguments):
        monkeypatch.setattr("sys.argv", ["main.py", *arguments])
        return parse_arguments()

    return parse


def test_without_arguments_it_serves(parse):
    arguments = parse()

    assert (arguments.command, arguments.host, arguments.port, arguments.check) == (None, None, None, False)


def test_the_arguments_of_the_contract(parse):
    arguments = parse("--host", "::1", "--port", "9000", "--check")

    assert (arguments.host, arguments.port, arguments.check) == ("::1", "9000", True)
    assert parse("status").command == "status"
    stack = parse("stack", "0199", "--seconds", "5")
    assert (stack.command, stack.task, stack.seconds) == ("stack", "0199", 5)


@pytest.mark.parametrize("arguments", [["--prot", "1"], ["start"], ["--port"], ["stack"], ["status", "x"]])
def test_what_it_does_not_know_is_refused_with_the_usage(parse, arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        parse(*arguments)

    assert caught.value.code == 2
    assert "usage: main.py" in capsys.readouterr().err


def test_a_wrong_argument_is_refused_as_the_variable_is(tmp_path):
    result = run_main(tmp_path, "--port", "http")

    assert result.returncode == 1
    assert result.stderr == "PORT='http': allowed is a whole number from 0 to 65535.\n"


@pytest.mark.parametrize(
    ("database", "second"), [("sqlite3", None), ("postgresql", "server-2.json")]
)  # fmt: skip
def test_sqlite_is_served_by_one_process_and_postgresql_by_many(tmp_path, database, second):
    plan = make_plan(tmp_path, database=database)
    nodes = [take_data_dir(plan)]
    if second:
        nodes.append(take_data_dir(plan))
        assert nodes[1].path.name == second
    else:
        with pytest.raises(StartError, match=f"process {os.getpid()} serves it already"):
            take_data_dir(plan)
    for node in nodes:
        os.close(node.descriptor)


@pytest.mark.parametrize("first_account", ["", "/accounts/first/abc/"])
def test_a_start_tells_address_problems_and_the_link_to_the_first_account(tmp_path, caplog, first_account):
    plan = make_plan(tmp_path, problems=("No pool serves the queue slow.",))
    with caplog.at_level(logging.INFO, "server"):
        announce(plan, "http://127.0.0.1:8000", {"first_account": first_account})

    assert "No pool serves the queue slow." in caplog.text
    assert "server_ready address=http://127.0.0.1:8000" in caplog.text
    assert ("http://127.0.0.1:8000/accounts/first/abc/" in caplog.text) is bool(first_account)


def test_the_status_of_nothing(tmp_path, capsys):
    assert show_status(make_plan(tmp_path)) == 1
    assert capsys.readouterr().out == f"No server runs on {tmp_path}.\n"
