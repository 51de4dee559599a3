"""Files go with the task that mentions them, and not before."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import call_command

from samples.files import result_folder
from samples.tasks import export_orders, resize_image
from samples.tidying import delete_unknown_files
from tasks.models import TaskRecord

pytestmark = pytest.mark.django_db

DAYS = 86_400


@pytest.fixture
def make_old(media: Path) -> Callable[..., None]:
    def age(seconds: float = 1.1 * DAYS) -> None:
        then = time.time() - seconds
        for path in media.glob("*/*"):
            os.utime(path, (then, then))

    return age


def files_of(id: str, kind: str = "images") -> None:
    (result_folder(kind, id) / "large.jpg").write_bytes(b"")


def names(media: Path) -> set[str]:
    return {path.name for path in media.glob("*/*")}


def test_the_files_of_a_pruned_task_go_those_of_others_stay(
    media: Path, upload: Callable[[bytes], str], make_old: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    kept, pruned, shared = upload(b"1"), upload(b"2"), upload(b"3")
    for id in (kept, pruned, shared):
        files_of(id)
        resize_image.enqueue(id)
    resize_image.enqueue(upload_id=shared)
    make_old(400 * DAYS)
    oldest = TaskRecord.objects.order_by("id")[1:3].values_list("pk", flat=True)
    TaskRecord.objects.filter(pk__in=list(oldest)).update(status="SUCCESSFUL", finished_at="2020-01-01T00:00Z")
    call_command("prune_tasks")
    assert capsys.readouterr().out == "2 tasks deleted.\n"
    assert names(media) == {kept, shared}
    assert len(list(media.glob("*/*"))) == 4


def test_a_request_that_died_leaves_nothing_behind_after_a_day(
    media: Path, upload: Callable[[bytes], str], make_old: Callable[..., None]
) -> None:
    half = media / "uploads" / f"{upload(b'whole')}.{uuid4().hex}.partial"
    half.write_bytes(b"ha")
    make_old(0.9 * DAYS)
    assert delete_unknown_files() == 0
    make_old()
    assert delete_unknown_files() == 2
    assert names(media) == set()


def test_an_id_may_be_written_in_any_way(media: Path, make_old: Callable[..., None]) -> None:
    id = uuid4()
    files_of(str(id), "exports")
    make_old()
    export_orders.enqueue(id.hex.upper(), 1)
    assert delete_unknown_files() == 0


def test_what_is_not_of_the_samples_is_left_alone(media: Path, make_old: Callable[..., None]) -> None:
    for path in (media / "avatars" / str(uuid4()), media / "uploads" / "readme.txt", media / "notes.txt"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    make_old()
    assert delete_unknown_files() == 0


def test_a_server_without_files_does_not_read_the_table(
    media: Path, django_assert_num_queries: Callable[[int], object]
) -> None:
    with django_assert_num_queries(0):  # type: ignore[attr-defined]
        assert delete_unknown_files() == 0
