"""Readers of the environment: good values, and one line for each wrong one."""

import os

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.environment import Environment


@pytest.fixture
def read(monkeypatch, tmp_path):
    """A reader whose variable X has the given value; None: it is not set."""

    def read(value, env_file=""):
        if value is None:
            monkeypatch.delenv("X", raising=False)
        else:
            monkeypatch.setenv("X", value)
        (tmp_path / ".env").write_text(env_file)
        return Environment(tmp_path / ".env")

    return read


def refusal(reader, *arguments, **options):
    with pytest.raises(ImproperlyConfigured) as caught:
        reader("X", *arguments, **options)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert message.startswith("X=")
    assert ": allowed is " in message
    return message


@pytest.mark.parametrize(("value", "expected"), [(None, "default"), ("", "default"), (" ", " "), ("a b", "a b")])
def test_text(read, value, expected):
    assert read(value).text("X", "default") == expected


@pytest.mark.parametrize("value", ["1", "true", "True", "YES", "on"])
def test_a_flag_that_is_set(read, value):
    assert read(value).flag("X") is True


@pytest.mark.parametrize("value", ["0", "false", "FALSE", "no", "off", "", None])
def test_a_flag_that_is_not_set(read, value):
    assert read(value).flag("X") is False


@pytest.mark.parametrize("value", ["2", "maybe", "y", " 1", "true\nX"])
def test_a_flag_that_is_neither(read, value):
    assert repr(value) in refusal(read(value).flag)


@pytest.mark.parametrize(("value", "expected"), [("1", 1), ("64", 64), ("007", 7), ("", 5), (None, 5)])
def test_a_whole_number(read, value, expected):
    assert read(value).integer("X", 5, least=1, most=64) == expected


@pytest.mark.parametrize("value", ["0", "65", "-1", "1.5", "1e3", "0x10", "many", " 1", "1_000", "9" * 5000, "1\n"])
def test_no_whole_number_in_the_bounds(read, value):
    message = refusal(read(value).integer, 5, least=1, most=64)

    assert "a whole number from 1 to 64" in message


@pytest.mark.parametrize(("value", "expected"), [("0", 0), ("30", 30), ("0.5", 0.5), ("", 3), (None, 3)])
def test_seconds(read, value, expected):
    assert read(value).seconds("X", 3) == expected


@pytest.mark.parametrize("value", ["-1", "soon", "1m", ".5", "inf", "nan", "1e9", "1."])
def test_no_seconds(read, value):
    assert repr(value) in refusal(read(value).seconds, 3)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", 0), ("1000", 1000), ("2K", 2048), ("500M", 500 * 2**20), ("2G", 2 * 2**30), ("2g", 2 * 2**30),
        ("500MB", 500 * 2**20), ("7B", 7), ("", 9), (None, 9),
    ],
)  # fmt: skip
def test_a_size(read, value, expected):
    assert read(value).size("X", 9) == expected


@pytest.mark.parametrize("value", ["-1", "1.5G", "much", "2T", "G", "2 G", "1e9"])
def test_no_size(read, value):
    assert "as in 500M or 2G" in refusal(read(value).size)


@pytest.mark.parametrize(("value", "expected"), [("json", "json"), ("", "text"), (None, "text")])
def test_a_choice(read, value, expected):
    assert read(value).choice("X", "text", choices=("text", "json")) == expected


@pytest.mark.parametrize("value", ["xml", "JSON", "text,json"])
def test_no_choice(read, value):
    assert "text or json" in refusal(read(value).choice, "text", choices=("text", "json"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [("web", ("web",)), (" workers , web ", ("workers", "web")), ("", ("web",)), ("web,", ("web",))],
)
def test_choices(read, value, expected):
    assert read(value).choices("X", "web", choices=("web", "workers")) == expected


@pytest.mark.parametrize("value", ["queen", "web,queen", ",", " "])
def test_no_choices(read, value):
    assert "one or more of web, workers" in refusal(read(value).choices, "web", choices=("web", "workers"))


def test_words(read):
    assert read(" a.com, b.com ,,").words("X") == ("a.com", "b.com")
    assert read(None).words("X") == ()


SECRET = "k3J9x" * 10


def test_a_secret(read):
    assert read(SECRET).secret("X", least_length=len(SECRET)) == SECRET
    assert read("").secret("X", least_length=32) == ""


@pytest.mark.parametrize("value", ["short!Ab1", "a" * 100, "abcd" * 20, "django-insecure-" + SECRET])
def test_a_secret_that_is_none_is_refused_and_not_shown(read, value):
    message = refusal(read(value).secret, least_length=32)

    assert value not in message
    assert "(not shown)" in message


EXAMPLES = ["change-me-" + SECRET, f"an example {SECRET}", "development-only-development-only-0123456789-0123456789"]


@pytest.mark.parametrize("value", EXAMPLES)
def test_an_example_is_no_secret_for_production(read, monkeypatch, value):
    monkeypatch.setenv("DEBUG", "1")
    assert read(value).secret("X", least_length=32) == value
    monkeypatch.setenv("DEBUG", "0")
    assert value not in refusal(read(value).secret, least_length=32)


@pytest.mark.parametrize(
    ("debug", "env_file", "expected"),
    [
        ("", f"DEBUG=1\nX={SECRET}", ""),
        ("0", f"DEBUG=1\nX={SECRET}", ""),
        ("1", f"DEBUG=1\nX={SECRET}", SECRET),
        (None, f"DEBUG=1\nX={SECRET}", SECRET),
        (None, f"DEBUG=0\nX={SECRET}", SECRET),
        (None, f"X={SECRET}", SECRET),
    ],
)
def test_a_secret_is_not_shared_by_development_and_production(read, monkeypatch, debug, env_file, expected):
    monkeypatch.delenv("DEBUG", raising=False)
    if debug is not None:
        monkeypatch.setenv("DEBUG", debug)
    assert read(None, env_file).secret("X", least_length=32) == expected


def test_a_database_of_sqlite(read):
    config = read("sqlite:////data/db.sqlite3").database("X", "")

    assert (config["ENGINE"], config["NAME"]) == ("django.db.backends.sqlite3", "/data/db.sqlite3")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_a_database_of_postgresql(read, scheme):
    config = read(f"{scheme}://me:pa%40ss@db.local:5433/shop").database("X", "")
    expected = {"NAME": "shop", "USER": "me", "PASSWORD": "pa@ss", "HOST": "db.local", "PORT": 5433}

    assert config["ENGINE"] == "django.db.backends.postgresql"
    assert expected.items() <= config.items()


def test_without_a_value_the_default_database_counts(read):
    assert read("").database("X", "sqlite:////default.sqlite3")["NAME"] == "/default.sqlite3"


@pytest.mark.parametrize(
    "value",
    [
        "oracle://me:hush@host/name", "mysql://me:hush@host/name", "postgres://me:hush@host", "hush",
        "postgres://me:hush@host:port/name", "postgres://me:hush@[host/name", "sqlite://", "sqlite://:memory:",
        "sqlite:///:memory:", "//me:hush@host/name", "postgres://me:hush@host:99999/name",
    ],
)  # fmt: skip
def test_a_database_that_cannot_be_served_is_refused_without_its_password(read, value):
    message = refusal(read(value).database, "sqlite:////default.sqlite3")

    assert "sqlite:///path/to/file or postgres://" in message
    assert "hush" not in message


def test_mail_to_the_console(read):
    assert read("consolemail://").mailer("X", "") == {"BACKEND": "django.core.mail.backends.console.EmailBackend"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("smtp://mail.local", {"host": "mail.local", "port": 25, "use_tls": False, "use_ssl": False}),
        (
            "smtp+tls://me:pa%40ss@mail.local:587",
            {"host": "mail.local", "port": 587, "username": "me", "password": "pa@ss", "use_tls": True},
        ),
        ("smtp+ssl://mail.local:465", {"port": 465, "use_tls": False, "use_ssl": True}),
    ],
)
def test_mail_through_a_server(read, value, expected):
    config = read(value).mailer("X", "consolemail://")

    assert config["BACKEND"] == "django.core.mail.backends.smtp.EmailBackend"
    assert expected.items() <= config["OPTIONS"].items()
    assert config["OPTIONS"]["timeout"] > 0


@pytest.mark.parametrize(
    "value", ["pigeon://me:hush@coop", "hush", "smtp://me:hush@host:port", "smtp://me:hush@[host", "://hush"]
)
def test_mail_that_cannot_be_sent_is_refused_without_its_password(read, value):
    message = refusal(read(value).mailer, "consolemail://")

    assert "smtp+tls://user:password@host:587 or consolemail://" in message
    assert "hush" not in message


def test_a_folder_is_made(read, tmp_path):
    assert read(None).folder("X", tmp_path / "data") == tmp_path / "data"
    assert read("other/place").folder("X", tmp_path / "data") == tmp_path / "other/place"
    assert read(str(tmp_path / "absolute")).folder("X", tmp_path / "data") == tmp_path / "absolute"
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"data", "other", "absolute"}


def test_a_folder_that_may_not_be_written_to(read, tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)

    assert str(tmp_path) in refusal(read(str(tmp_path)).folder, tmp_path / "data")


def test_the_environment_wins_over_the_file(read):
    assert read("outside", env_file="X=inside\n").text("X", "") == "outside"
    assert read(None, env_file="X=inside\n").text("X", "") == "inside"


def test_a_file_that_is_not_there_is_no_error(tmp_path):
    assert Environment(tmp_path / "missing").text("X_NOT_SET", "default") == "default"


def test_the_file_changes_nothing_in_the_process_and_is_read_afresh(read):
    read(None, env_file="X=one\n")

    assert "X" not in os.environ
    assert read(None, env_file="X=two\n").text("X", "") == "two"
    assert read(None, env_file="").text("X", "") == ""


def test_a_value_of_several_lines_is_shown_on_one(read):
    assert "'1\\n2'" in refusal(read("1\n2").flag)
