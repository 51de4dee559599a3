"""Results appear whole or not at all, and go away when they are old."""

import os
from pathlib import Path

import pytest
from django.core.management import call_command

from samples.files import existing_upload, result_folder, upload_path, written_whole

ID = "0d4cc1a4-7c1e-4f55-9a1b-5f0f3a3f1d2e"
DAY = 86_400


def test_the_name_appears_with_the_whole_content() -> None:
    path = result_folder("images", ID) / "small.png"
    with written_whole(path) as file:
        file.write(b"half")
        assert not path.exists()
        file.write(b" and half")
    assert path.read_bytes() == b"half and half"
    assert list(path.parent.iterdir()) == [path]


def test_what_was_there_stays_when_writing_fails() -> None:
    path = result_folder("images", ID) / "small.png"
    path.write_bytes(b"before")
    with pytest.raises(ZeroDivisionError), written_whole(path) as file:
        file.write(b"x" * (1 // 0))
    assert path.read_bytes() == b"before"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("upload_id", ["../../etc/passwd", "", "x", "/etc/passwd"])
def test_an_id_that_is_no_uuid_leads_nowhere(upload_id: str) -> None:
    for path_of in (upload_path, existing_upload, lambda id: result_folder("images", id)):
        with pytest.raises(ValueError, match="badly formed"):
            path_of(upload_id)


def test_old_uploads_and_results_are_deleted(media: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for days in (29, 31):
        for name in ("uploads/{}", "images/{}/large.jpg", "exports/{}/orders.partial"):
            path = media / name.format(days)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
            entry = path if path.parent.name == "uploads" else path.parent
            written = entry.stat().st_mtime - days * DAY
            os.utime(entry, (written, written))
    call_command("delete_old_files")
    assert capsys.readouterr().out == "3 uploads and results deleted.\n"
    left = sorted(path.relative_to(media).as_posix() for path in media.rglob("*") if path.is_file())
    assert left == ["exports/29/orders.partial", "images/29/large.jpg", "uploads/29"]


def test_a_server_without_files_has_none_to_delete(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("delete_old_files", "--days", "0")
    assert capsys.readouterr().out == "0 uploads and results deleted.\n"
