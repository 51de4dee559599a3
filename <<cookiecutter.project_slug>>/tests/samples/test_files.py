"""Results appear whole or not at all."""

import errno

import pytest

from samples.errors import StorageFull
from samples.files import existing_upload, full_disk_explained, result_folder, upload_path, written_whole

ID = "0d4cc1a4-7c1e-4f55-9a1b-5f0f3a3f1d2e"


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


def test_a_full_disk_is_explained_and_other_errors_stay_as_they_are() -> None:
    with pytest.raises(StorageFull, match=r"No space left on device\. Make room"), full_disk_explained():
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(FileNotFoundError), full_disk_explained():
        raise FileNotFoundError


@pytest.mark.parametrize("upload_id", ["../../etc/passwd", "", "x", "/etc/passwd"])
def test_an_id_that_is_no_uuid_leads_nowhere(upload_id: str) -> None:
    for path_of in (upload_path, existing_upload, lambda id: result_folder("images", id)):
        with pytest.raises(ValueError, match="badly formed"):
            path_of(upload_id)
