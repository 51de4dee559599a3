"""The operations page and that of a task: who sees them, what they show from the database, what can be done there."""

import html
import json
import time
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.http import Http404
from django.test import RequestFactory
from django.utils import timezone

import tasks
from ops import faults, server, tables
from ops.time_line import time_line_of
from tasks import queues
from tasks.models import TaskRecord
from tasks.table import queue
from tests.tasks.sample_tasks import fail, note
from tests.tasks.test_plans import READS_ALL, SORTS, SORTS_WHAT_IS_EQUAL, plans

pytestmark = pytest.mark.django_db

PAGES = ("/ops/", "/ops/list/", "/ops/history/", "/ops/names/")


@pytest.fixture
def ada(client):
    """Signed in, on the staff, without any permission yet."""
    ada = User.objects.create_user("ada", is_staff=True)
    client.force_login(ada)
    return ada


def allow(user, *names):
    user.user_permissions.add(*Permission.objects.filter(codename__in=names))


def text_of(answer):
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def said(client, address, **data):
    answer = client.post(address, data, headers={"accept": "application/json"})
    assert answer.status_code == 200, answer.content
    return answer.json()["said"]


@pytest.fixture
def failed(run_one):
    """Two tasks that have failed."""
    for _ in range(2):
        fail.enqueue()
    return [run_one() for _ in range(2)]


# Who may


@pytest.mark.parametrize("address", PAGES)
def test_strangers_are_sent_to_sign_in(client, address):
    answer = client.get(address)

    assert (answer.status_code, answer["Location"]) == (302, f"/accounts/login/?next={address}")


@pytest.mark.parametrize("address", PAGES)
def test_who_may_not_see_tasks_sees_nothing(client, ada, address):
    assert client.get(address).status_code == 403


def test_who_is_not_on_the_staff_sees_nothing(client):
    client.force_login(User.objects.create_user("eve", is_superuser=True))

    assert client.get("/ops/").status_code == 403


def test_who_may_only_look_cannot_act(client, ada, failed):
    allow(ada, "view_taskrecord")

    assert client.get("/ops/").status_code == 200
    assert client.post("/ops/tasks/", {"verb": "retry", "task": failed[0].pk}).status_code == 403
    assert client.post("/ops/queues/default/pause/").status_code == 403
    assert TaskRecord.objects.filter(status="FAILED").count() == 2


def test_nothing_is_done_by_following_a_link_or_without_a_token(admin_client, client, admin_user):
    for address in ("/ops/tasks/", "/ops/queues/default/pause/", "/ops/interpreters/web-1/recycle/"):
        assert admin_client.get(address).status_code == 405
    strict = type(client)(enforce_csrf_checks=True)
    strict.force_login(admin_user)

    assert strict.post("/ops/queues/default/pause/").status_code == 403
    assert queues.paused() == set()


# What it shows


@pytest.mark.parametrize(
    ("state", "shown"), [("failed", "fail"), ("ready", "note"), ("running", "note"), ("successful", "note")]
)
def test_the_tasks_of_a_state(admin_client, run_one, state, shown):
    note.enqueue(1)
    run_one()
    fail.enqueue()
    run_one()
    running = note.enqueue(2).id
    queue.claim("default", "node/boot/default-1/0")
    note.enqueue(3)
    page = text_of(admin_client.get(f"/ops/?state={state}"))
    listed = [str(record.pk) for record in TaskRecord.objects.all() if f"/ops/tasks/{record.pk}/" in page]

    assert len(listed) == 1
    assert f"tests.tasks.sample_tasks.{shown}</a>" in page
    assert (listed == [running]) is (state == "running")


def test_a_failure_is_shown_with_its_traceback(admin_client, failed):
    page = text_of(admin_client.get("/ops/"))

    assert page.count("builtins.ValueError: ") == 2
    assert "Traceback (most recent call last)" in page


def test_a_state_that_there_is_not_is_not_found(admin_client):
    assert admin_client.get("/ops/?state=lost").status_code == 404


def test_the_list_comes_alone_as_well(admin_client, failed):
    part = text_of(admin_client.get("/ops/list/?state=failed"))

    assert part.count("builtins.ValueError: ") == 2
    assert 'name="next" value="/ops/?state=failed"' in part
    assert "<html" not in part


@pytest.mark.parametrize("state", tables.STATES)
def test_a_list_reads_no_more_than_it_shows(admin_client, state):
    for number in range(100):
        note.enqueue(number)
    TaskRecord.objects.filter(pk__in=TaskRecord.objects.values("pk")[:60]).update(
        status="SUCCESSFUL", finished_at=timezone.now()
    )
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:  # it would rather read and sort a table as small as this one
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
    (plan,) = plans(lambda: tables.tasks_in(state))

    assert not READS_ALL.search(plan), plan
    assert not SORTS.search(plan) or SORTS_WHAT_IS_EQUAL.search(plan), plan
    assert "LIMIT 25" in plan


def test_what_cost_most_today(admin_client):
    bills = {"dear": [3.0, 2.5], "cheap": [0.5], "frequent": [0.1] * 20}
    for task, seconds in bills.items():
        for cpu in seconds:
            record = TaskRecord.objects.get(pk=note.enqueue().id)
            record.task, record.status, record.finished_at = f"shop.tasks.{task}", "SUCCESSFUL", timezone.now()
            record.bill = {"cpu": cpu, "waiting": 0.1, "queries": 2}
            record.save()
    TaskRecord.objects.filter(task="shop.tasks.cheap").update(finished_at=timezone.now() - timedelta(days=2))
    found = tables.dearest_today()["tasks"]

    assert [(each["task"], each["number"], round(each["cpu"], 3)) for each in found] == [
        ("shop.tasks.dear", 2, 5.5),
        ("shop.tasks.frequent", 20, 2.0),
    ]
    assert found[0]["queries"] == 4
    assert found[0]["memory"] is None
    assert "shop.tasks.dear" in text_of(admin_client.get("/ops/"))


def test_of_many_bills_the_latest_are_summed_up(monkeypatch):
    monkeypatch.setattr(tables, "MOST_BILLS", 3)
    for number in range(6):
        result = note.enqueue()
        at = timezone.now() - timedelta(seconds=number)
        TaskRecord.objects.filter(pk=result.id).update(status="SUCCESSFUL", finished_at=at, bill={"cpu": 1})
    found = tables.dearest_today()

    assert found["is_cut"]
    assert found["tasks"][0]["number"] == 4


def test_names_of_tasks_that_run(admin_client):
    one = note.enqueue()
    found = admin_client.get("/ops/names/", {"id": [one.id, "0199" * 8]}).json()

    assert found == {one.id.replace("-", ""): note.module_path}
    assert admin_client.get("/ops/names/?id=1").status_code == 404


def test_without_a_server_the_page_says_so(admin_client):
    page = text_of(admin_client.get("/ops/"))

    assert "No server answers" in page
    assert admin_client.get("/ops/history/").json() == {}
    assert "No server" in text_of(admin_client.get(f"/ops/tasks/{note.enqueue().id}/stack/"))


@pytest.mark.parametrize("name", ["a b", "", "a\nb", "web-1"])
def test_a_name_cannot_become_another_question(name):
    assert server.recycle(name) is False


# What can be done there


def test_tasks_are_run_again_and_cancelled_in_bulk(admin_client, failed):
    ids = [str(record.pk) for record in failed]
    waiting = note.enqueue().id

    assert said(admin_client, "/ops/tasks/", verb="retry", task=[*ids, waiting]) == "2 of 3 put back into the queue."
    assert said(admin_client, "/ops/tasks/", verb="cancel", task=[ids[0], waiting]) == "2 of 2 cancelled."
    assert set(TaskRecord.objects.values_list("status", flat=True)) == {"READY", "FAILED"}
    assert said(admin_client, "/ops/tasks/", verb="cancel") == "No task is selected."


def test_one_task_has_a_button_of_its_own(admin_client, failed):
    assert f'name="retry" value="{failed[0].pk}"' in text_of(admin_client.get("/ops/"))
    assert said(admin_client, "/ops/tasks/", retry=failed[0].pk) == "1 of 1 put back into the queue."


@pytest.mark.parametrize(("data", "status"), [({"verb": "destroy"}, 404), ({"verb": "retry", "task": "x"}, 400)])
def test_what_is_no_action_is_refused(admin_client, data, status):
    assert admin_client.post("/ops/tasks/", data).status_code == status


def test_a_queue_is_paused_and_resumed(admin_client):
    assert said(admin_client, "/ops/queues/default/pause/") == "The queue default is paused."
    assert said(admin_client, "/ops/queues/default/pause/") == "The queue default was paused already."
    assert queues.paused() == {"default"}
    assert said(admin_client, "/ops/queues/default/resume/") == "The queue default is resumed."
    assert queues.paused() == set()
    assert admin_client.post("/ops/queues/nope/pause/").status_code == 404


def test_a_form_without_javascript_goes_back_with_a_message(admin_client):
    back = "/ops/?state=ready"
    answer = admin_client.post("/ops/queues/default/pause/", {"next": back}, follow=True)

    assert answer.redirect_chain == [(back, 302)]
    assert "The queue default is paused." in text_of(answer)
    assert admin_client.post("/ops/queues/default/pause/", {"next": "//evil.example"})["Location"] == "/ops/"


def test_the_faults_are_enqueued(rf, admin_user):
    def said(name, **data):
        request = rf.post("/", data, headers={"accept": "application/json"})
        request.user = admin_user
        return json.loads(faults.fault(request, name=name).content)["said"]

    assert "written off" in said("gil")
    assert "nobody else can write" in said("lock")
    assert "MEMORY_LIMIT" in said("memory")  # no server, so no limit: it stays undone
    assert "not there" in said("kill", interpreter="web-1")
    with pytest.raises(Http404):
        said("flood")
    assert [record.task for record in TaskRecord.objects.order_by("id")] == [
        "ops.faults.hold_the_gil",
        "ops.faults.lock_the_database",
    ]


def test_without_debug_nothing_can_be_broken(admin_client):
    """As in these tests: pytest switches it off."""
    assert admin_client.post("/ops/faults/gil/").status_code == 404
    assert "Break something" not in text_of(admin_client.get("/ops/"))


# A task


def test_the_page_of_a_task(admin_client, failed):
    page = text_of(admin_client.get(f"/ops/tasks/{failed[0].pk}/"))

    assert "Run again" in page
    assert "Attempt 1: <strong>builtins.ValueError</strong>" in page
    assert admin_client.get("/ops/tasks/01990000-0000-7000-8000-000000000000/").status_code == 404
    waiting = text_of(admin_client.get(f"/ops/tasks/{note.enqueue().id}/"))
    assert "A free worker of the queue default" in waiting
    assert "Look at its stack" not in waiting


def test_what_a_request_has_enqueued_is_on_one_time_line(admin_client):
    note.enqueue("before, by nobody")
    answers = [admin_client.post("/api/exports/", {"rows": rows}) for rows in (1, 2)]
    first, second = (TaskRecord.objects.get(pk=answer.json()["id"]) for answer in answers)
    note.enqueue("after, by nobody")

    assert first.origin.split(" ", 1)[1] == "POST /api/exports/"
    assert first.origin != second.origin
    assert list(TaskRecord.objects.filter(origin=None).values_list("task", flat=True)) == [note.module_path] * 2
    line = time_line_of(first)
    assert (line.title, [row.task for row in line.rows]) == ("POST /api/exports/", [first])
    assert line.start <= first.enqueued_at


def test_a_batch_and_a_chain_are_on_one_time_line():
    with tasks.batch(then=note):
        ids = [note.enqueue(number).id for number in range(3)]
    with tasks.chain():
        linked = [note.enqueue(number).id for number in range(2)]

    assert [str(row.task.pk) for row in time_line_of(TaskRecord.objects.get(pk=ids[1])).rows] == ids
    assert [str(row.task.pk) for row in time_line_of(TaskRecord.objects.get(pk=linked[0])).rows] == linked


def test_a_time_line_has_the_waiting_and_each_attempt_in_its_place():
    start = timezone.now() - timedelta(seconds=100)

    def at(seconds):
        return start + timedelta(seconds=seconds)

    end = {"attempt": 1, "outcome": "failed", "started_at": at(20).isoformat(), "ended_at": at(40).isoformat()}
    record = TaskRecord(
        task="a.b", queue="default", status="SUCCESSFUL", enqueued_at=start, last_attempted_at=at(50),
        finished_at=at(100), history=[end],
    )  # fmt: skip
    record.arguments, record.priority = {}, 0
    record.save()
    (row,) = time_line_of(record).rows

    assert [(bar.kind, round(bar.start), round(bar.width)) for bar in row.bars] == [
        ("waiting", 0, 20),
        ("failed", 20, 20),
        ("waiting", 40, 10),
        ("successful", 50, 50),
    ]


def test_the_origin_of_a_path_of_any_kind_fits_into_its_column():
    from django.core.signals import request_finished, request_started

    from tasks.table import origin

    environ = RequestFactory().get("/ä\0" + "x" * 500).environ | {"REQUEST_METHOD": "GET"}
    environ["PATH_INFO"] = ("/ä\0" + "x" * 500).encode().decode("latin-1")
    request_started.send(None, environ=environ)
    began, _, rest = origin.current().partition(" ")
    request_finished.send(None)

    assert abs(int(began) - time.time_ns()) < 60e9
    assert rest.startswith("GET /äxxx")
    assert len(origin.current() or "") <= origin.LONGEST
    assert origin.current() is None
