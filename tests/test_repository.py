"""What must not stand in the repository, and what must."""

import re

from tests.conftest import ROOT, TEMPLATE, tracked_files

LOCKS = [ROOT / "requirements.lock", TEMPLATE / "requirements.lock", TEMPLATE / "requirements-dev.lock"]


def test_pins_have_hashes_and_no_address():
    for lock in LOCKS:
        pins = re.split(r"\n(?=\S)", lock.read_text().strip())
        assert len(pins) > 10
        for pin in pins:
            assert re.match(r"[\w.\[\]-]+==\S+", pin), pin
            assert "--hash=sha256:" in pin, pin
            assert "://" not in pin, pin


def test_no_lock_file_that_names_hosts_is_tracked():
    assert not [path for path in tracked_files() if path.name == "uv.lock"]


def test_no_path_of_a_developers_machine_is_tracked():
    pattern = re.compile(rb"(?<![\w./-])/(?:root|home|tmp|Users)/\w")
    assert not [path for path in tracked_files() if pattern.search(path.read_bytes()) and path.name != __file__]


def test_files_that_are_copied_hold_no_variable_of_the_template():
    for path in tracked_files():
        if path.is_relative_to(TEMPLATE) and path.suffix in {".py", ".html", ".css", ".js"}:
            assert "cookiecutter." not in path.read_text(), path
