"""The page without JavaScript: forms, redirects, and what it says of the visitor's tasks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries, Settings

from samples.tasks import resize_image
from tasks.models import TaskRecord

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def debug(settings: Settings) -> None:
    settings.DEBUG = True


@pytest.fixture
def submitted(client: Client, image_file: Callable[..., bytes]) -> TaskRecord:
    """A task that this visitor has started with the page's form."""
    client.post("/files/", {"file": SimpleUploadedFile("holiday <b>.png", image_file("PNG"))})
    return TaskRecord.objects.get()


def text_of(client: Client) -> str:
    return client.get("/").content.decode()


def heading(title: str) -> str:
    return f'<h3 tabindex="-1">{title}</h3>'


def test_a_new_visitor_costs_no_query_and_gets_no_session(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        response = client.get("/")
    assert 'id="task-' not in response.content.decode()
    assert "sessionid" not in response.cookies


def test_a_visitor_with_tasks_costs_two_queries_and_no_write(
    client: Client, submitted: TaskRecord, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(2) as queries:
        client.get("/")
    assert all(query["sql"].startswith("SELECT") for query in queries.captured_queries)


def test_what_was_started_is_shown(client: Client, submitted: TaskRecord) -> None:
    page = text_of(client)
    assert escape("holiday <b>.png") in page
    assert "Waiting" in page
    assert f'data-live="/live/tasks/{submitted.pk}?until=' in page
    assert 'http-equiv="refresh"' in page


@pytest.mark.parametrize(("rows", "title"), [("1", "1 order"), ("20000", "20,000 orders")])
def test_an_export_is_named_after_its_rows(client: Client, rows: str, title: str) -> None:
    response = client.post("/exports/", {"rows": rows})
    assert (response.status_code, response["Location"]) == (302, "/")
    assert heading(title) in text_of(client)


def test_several_files_are_each_what_their_content_says(
    client: Client, pdf_file: Callable[..., bytes], image_file: Callable[..., bytes]
) -> None:
    files = [SimpleUploadedFile("a.bin", pdf_file()), SimpleUploadedFile("b.bin", image_file("PNG"))]
    response = client.post("/files/", {"file": files})
    assert (response.status_code, response["Location"]) == (302, "/")
    assert [record.task.rpartition(".")[2] for record in TaskRecord.objects.order_by("pk")] == [
        "parse_document",
        "resize_image",
    ]
    page = text_of(client)
    assert heading("a.bin") in page
    assert heading("b.bin") in page


def test_what_is_refused_does_not_keep_back_the_others(client: Client, pdf_file: Callable[..., bytes]) -> None:
    files = [
        SimpleUploadedFile("empty.png", b""),
        SimpleUploadedFile("good.pdf", pdf_file()),
        SimpleUploadedFile("notes <i>.txt", b"just text"),
    ]
    response = client.post("/files/", {"file": files})
    page = response.content.decode()
    assert response.status_code == 400
    assert "empty.png: The file is empty." in page
    assert escape("notes <i>.txt: The file is of an unknown kind") in page
    assert heading("good.pdf") in page


@pytest.mark.parametrize(
    ("url", "data", "status", "message"),
    [
        ("/files/", {"file": SimpleUploadedFile("a.txt", b"text")}, 415, "a.txt: The file is of an unknown kind"),
        ("/files/", {"file": SimpleUploadedFile("a.pdf", b"")}, 400, "a.pdf: The file is empty."),
        ("/files/", {}, 400, "There is no file."),
        ("/exports/", {"rows": "0"}, 400, "The field “rows” is a whole number from 1"),
    ],
)
def test_a_refusal_is_told_on_the_page(
    client: Client, url: str, data: dict[str, Any], status: int, message: str
) -> None:
    response = client.post(url, data)
    assert response.status_code == status
    assert f'role="alert" tabindex="-1"><p>{message}' in response.content.decode()
    assert not TaskRecord.objects.exists()
    assert not Session.objects.exists()


def test_the_last_twenty_are_remembered(client: Client) -> None:
    for rows in range(1, 23):
        client.post("/exports/", {"rows": rows})
    page = text_of(client)
    assert page.count('id="task-') == 20
    assert heading("22 orders") in page
    assert heading("2 orders") not in page
    assert page.index(heading("22 orders")) < page.index(heading("21 orders"))


def test_another_visitor_sees_nothing_of_it(submitted: TaskRecord) -> None:
    assert 'id="task-' not in text_of(Client())


def test_what_has_been_deleted_is_not_shown(client: Client, submitted: TaskRecord) -> None:
    submitted.delete()
    assert 'id="task-' not in text_of(client)


def finish(record: TaskRecord, **fields: Any) -> None:
    TaskRecord.objects.filter(pk=record.pk).update(finished_at=timezone.now(), attempt=1, **fields)


def test_progress(client: Client, submitted: TaskRecord) -> None:
    TaskRecord.objects.update(status="RUNNING", attempt=1, progress={"done": 1500, "total": 3000})
    page = text_of(client)
    assert 'value="1500" max="3000"' in page
    assert "1,500 of 3,000" in page


def test_a_resized_image(client: Client, submitted: TaskRecord, media: Path) -> None:
    result: Any = resize_image.call(*submitted.arguments["args"])
    finish(submitted, status="SUCCESSFUL", return_value=result)
    page = text_of(client)
    assert "PNG, 640 × 480 pixels" in page
    for variant in result["variants"]:
        assert f'href="{variant["url"]}"' in page
    assert f'<img src="{result["variants"][-1]["url"]}"' in page
    assert 'data-live=""' in page
    assert "http-equiv" not in page


@pytest.mark.parametrize(
    ("task", "result", "texts"),
    [
        (
            "samples.tasks.documents.parse_document",
            {
                "pages": 1,
                "encrypted": True,
                "title": "<i>",
                "author": "Ada",
                "characters": 1200,
                "text_url": "/media/x",
            },
            ["1 page, 1,200 characters, encrypted", "“&lt;i&gt;” by Ada", 'href="/media/x"'],
        ),
        (
            "samples.tasks.exports.export_orders",
            {"rows": 12000, "bytes": 2_097_152, "url": "/media/y"},
            ["12,000 rows", "2.0\xa0MB", 'href="/media/y"'],
        ),
    ],
)
def test_other_results(
    client: Client, submitted: TaskRecord, task: str, result: dict[str, Any], texts: list[str]
) -> None:
    finish(submitted, task=task, status="SUCCESSFUL", return_value=result)
    page = text_of(client)
    assert [text for text in texts if text not in page] == []


def test_a_failed_task_says_why_and_can_be_tried_again(client: Client, submitted: TaskRecord) -> None:
    error = {"type": "samples.errors.UnreadableImage", "message": "It is <damaged>.", "traceback": "", "worker": "-"}
    finish(submitted, status="FAILED", history=[error])
    assert "It is &lt;damaged&gt;." in text_of(client)
    response = client.post(f"/tasks/{submitted.pk}/retry/")
    assert (response.status_code, response["Location"]) == (302, "/")
    submitted.refresh_from_db()
    assert submitted.status == "READY"


def test_only_one_s_own_tasks_are_tried_again(client: Client, submitted: TaskRecord) -> None:
    finish(submitted, status="FAILED")
    assert Client().post(f"/tasks/{submitted.pk}/retry/").status_code == 404
    assert client.post(f"/tasks/{uuid4()}/retry/").status_code == 404
    submitted.refresh_from_db()
    assert submitted.status == "FAILED"


@pytest.mark.parametrize("url", ["/files/", "/exports/", f"/tasks/{uuid4()}/retry/"])
def test_forms_need_a_csrf_token_in_debug_too(url: str) -> None:
    assert Client(enforce_csrf_checks=True).post(url).status_code == 403
    assert Client().get(url).status_code == 405


@pytest.mark.parametrize("url", ["/", "/files/", "/exports/", f"/tasks/{uuid4()}/retry/"])
def test_in_production_a_login_is_needed(client: Client, settings: Settings, url: str) -> None:
    settings.DEBUG = False
    response = client.generic("GET" if url == "/" else "POST", url)
    assert (response.status_code, response["Location"]) == (302, f"/accounts/login/?next={url}")


def test_in_production_a_user_sees_the_page_and_their_name(
    client: Client, settings: Settings, admin_user: User
) -> None:
    settings.DEBUG = False
    client.force_login(admin_user)
    page = text_of(client)
    assert 'class="user">admin<' in page
    assert 'action="/accounts/logout/"' in page
