"""What is done before the server serves: static files, checks."""

import gzip
import os

import brotli
import pytest
from django.db.utils import ConnectionHandler
from psycopg.conninfo import conninfo_to_dict

from runtime.start import boot


@pytest.fixture
def static(tmp_path, settings):
    """A project in production with one static file."""
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "page.css").write_text("body {}" * 100)
    settings.DEBUG = False
    settings.STATICFILES_DIRS, settings.STATIC_ROOT = [sources], tmp_path / "static"
    settings.INSTALLED_APPS = ["django.contrib.staticfiles"]
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": "config.static_storage.StaticStorage"}}
    return sources


def test_static_files_are_collected_with_the_names_of_their_content(static, settings):
    assert boot.collect_static() is True
    assert list(settings.STATIC_ROOT.glob("page.*.css"))


@pytest.mark.parametrize(("suffix", "decompress"), [("br", brotli.decompress), ("gz", gzip.decompress)])
def test_they_are_compressed_under_both_names(static, settings, suffix, decompress):
    boot.collect_static()
    compressed = list(settings.STATIC_ROOT.glob(f"page*.css.{suffix}"))

    assert len(compressed) == 2
    assert {decompress(path.read_bytes()) for path in compressed} == {b"body {}" * 100}


def test_what_is_served_does_not_tell_where_the_sources_are(static, settings):
    boot.collect_static()

    assert str(static) not in (settings.STATIC_ROOT / ".collected").read_text()


def test_they_are_collected_once(static):
    boot.collect_static()

    assert boot.collect_static() is False


@pytest.mark.parametrize("change", ["content", "time", "new"])
def test_a_changed_source_is_collected_again(static, change):
    boot.collect_static()
    if change == "content":
        (static / "page.css").write_text("body { color: red }")
    elif change == "time":
        os.utime(static / "page.css", (1, 1))
    else:
        (static / "other.css").write_text("p {}")

    assert boot.collect_static() is True


def test_in_development_nothing_is_collected(static, settings):
    settings.DEBUG = True

    assert boot.collect_static() is False
    assert not settings.STATIC_ROOT.exists()


def test_with_postgresql_main_gets_an_address_that_libpq_understands(monkeypatch):
    options = {"sslmode": "require", "pool": True, "prepare_threshold": 5, "server_side_binding": True}
    database = {"ENGINE": "django.db.backends.postgresql", "NAME": "shop", "HOST": "db", "PORT": "", "USER": "me"}
    handler = ConnectionHandler({"default": database | {"PASSWORD": "it's a 'secret", "OPTIONS": options}})
    monkeypatch.setattr("django.db.connection", handler["default"])

    assert conninfo_to_dict(boot.database_address()) == {
        "dbname": "shop", "host": "db", "user": "me", "password": "it's a 'secret", "sslmode": "require",
        "client_encoding": "UTF8",
    }  # fmt: skip


def test_with_sqlite_there_is_no_address(monkeypatch):
    handler = ConnectionHandler({"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "file"}})
    monkeypatch.setattr("django.db.connection", handler["default"])

    assert boot.database_address() == ""


def test_a_wrong_option_of_the_tasks_stops_the_start_with_one_line(settings):
    settings.TASKS = {"default": {"BACKEND": "tasks.backends.DurableBackend", "OPTIONS": {"keep_day": 1}}}

    assert boot.read_plan() == {
        "error": 'TASKS["default"]["OPTIONS"]["keep_day"]: no such option; there are keep_days, keep_failed_days, '
        "keep_tasks."
    }


def test_a_renewed_certificate_is_another_plan(tmp_path, settings):
    settings.SSL_CERT, settings.SSL_KEY = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    (tmp_path / "key.pem").write_text("key")
    plans = []
    for content in ("old", "old", "new"):
        (tmp_path / "cert.pem").write_text(content)
        plans.append(boot.read_plan()["ssl_content"])

    assert plans[0] == plans[1] != plans[2]
