"""The tasks in the admin: found, read, run again, cancelled."""

import html
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import timezone

import tasks
from tasks import admin
from tasks.models import TaskRecord
from tasks.staff import lists
from tasks.table import queue
from tests.tasks.sample_tasks import fail, note, send

pytestmark = pytest.mark.django_db

LIST = "/admin/tasks/taskrecord/"


@pytest.fixture
def rows(admin_client):
    """The arguments of the tasks that a list shows, in its order."""

    def shown(query=""):
        found = admin_client.get(LIST + query).context["cl"].result_list
        return [record.arguments["args"][0] for record in found]

    return shown


@pytest.fixture
def one_of_each():
    note.using(priority=-5).enqueue("ready, later")
    note.enqueue("ready")
    note.using(run_after=timezone.now() + timedelta(hours=1)).enqueue("waiting")
    for status, ago in (("FAILED", 1), ("SUCCESSFUL", 2), ("FAILED", 3)):
        result = note.using(queue_name="exports").enqueue(f"{status.lower()} {ago}")
        TaskRecord.objects.filter(pk=result.id).update(status=status, finished_at=timezone.now() - timedelta(hours=ago))
    note.using(queue_name="critical").enqueue("running")
    queue.claim("critical", "node/boot/critical-1/0")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?state=ready", ["ready", "ready, later"]),
        ("?state=waiting", ["waiting"]),
        ("?state=running", ["running"]),
        ("?state=failed", ["failed 1", "failed 3"]),
        ("?state=successful", ["successful 2"]),
        ("?queue=critical", ["running"]),
        ("?queue=exports&state=failed", ["failed 1", "failed 3"]),
        ("?queue=images", []),
        (f"?task={fail.module_path}", []),
        ("?q=no-id", []),
        (
            "",
            ["running", "failed 3", "successful 2", "failed 1", "waiting", "ready", "ready, later"],
        ),
    ],
)
def test_tasks_are_found(one_of_each, rows, query, expected):
    assert rows(query) == expected


def test_a_task_is_found_by_its_id(one_of_each, rows):
    record = TaskRecord.objects.get(status="RUNNING")

    assert rows(f"?q={record.pk}") == rows(f"?q={record.pk.hex}") == ["running"]


def test_the_filters_name_what_is_in_the_table(one_of_each, admin_client):
    fail.enqueue()
    page = admin_client.get(LIST).content.decode()

    for query in ("queue=critical", "queue=default", "queue=exports", "state=waiting", f"task={fail.module_path}"):
        assert f'href="?{query}"' in page
    assert "queue=images" not in page


def test_a_list_counts_no_further_than_to_its_limit(admin_client, monkeypatch):
    monkeypatch.setattr(lists, "MOST", 5)
    for number in range(5):
        note.enqueue(number)
    assert "The first" not in admin_client.get(LIST).content.decode()
    note.enqueue(5)
    page = admin_client.get(LIST)

    assert "The first 5 tasks of this list." in page.content.decode()
    assert page.context["cl"].result_count == 5


def test_the_number_of_statements_does_not_grow_with_the_list(admin_client, django_assert_max_num_queries):
    for number in range(60):
        note.enqueue(number)
    with django_assert_max_num_queries(12):
        admin_client.get(LIST)


def test_a_page_shows_everything_of_a_task_and_changes_nothing(admin_client, run_one):
    fail.enqueue()
    record = run_one()
    address = f"{LIST}{record.pk}/change/"
    page = html.unescape(admin_client.get(address).content.decode())

    assert "Attempt 1: <strong>builtins.ValueError</strong>" in page
    assert "Traceback (most recent call last)" in page
    assert "node/boot/default-1/0" in page
    assert '"args": []' in page
    assert 'name="_save"' not in page
    assert admin_client.post(address, {"status": "READY", "_save": "Save"}).status_code == 403
    assert admin_client.get(f"{LIST}{record.pk}/delete/").status_code == 403
    assert admin_client.get(f"{LIST}add/").status_code == 403


def test_what_a_task_was_given_is_text_and_no_markup(admin_client):
    result = note.enqueue("<script>alert(1)</script>")
    page = admin_client.get(f"{LIST}{result.id}/change/").content.decode()

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def act(client, action, *tasks, address=LIST, prefix=""):
    data = {f"{prefix}action": action, "_selected_action": [str(task.pk) for task in tasks]}
    answer = client.post(address, data, follow=True)
    assert answer.status_code == 200
    return [str(message) for message in answer.context["messages"]]


def test_failed_tasks_are_run_again(one_of_each, admin_client):
    failed = list(TaskRecord.objects.filter(status="FAILED"))
    running = TaskRecord.objects.get(status="RUNNING")
    said = act(admin_client, "retry", *failed, running)

    assert said == ["2 of 3 put back into the queue. Only failed tasks can be."]
    assert {TaskRecord.objects.get(pk=task.pk).status for task in failed} == {"READY"}
    assert TaskRecord.objects.get(pk=running.pk).status == "RUNNING"


def test_tasks_are_cancelled(one_of_each, admin_client):
    said = act(admin_client, "cancel", *TaskRecord.objects.all())

    assert said == ["4 of 7 cancelled. Only tasks that wait or run can be."]
    assert TaskRecord.objects.filter(status="READY").count() == 0
    assert TaskRecord.objects.get(status="RUNNING").cancelled


def test_the_page_of_a_task_has_the_actions_as_well(admin_client, run_one):
    fail.enqueue()
    record = run_one()
    address = f"{LIST}{record.pk}/change/"
    prefix = f"{lists.ActionLocation.CHANGE_FORM.value}-"
    act(admin_client, "retry", record, address=address, prefix=prefix)

    assert TaskRecord.objects.get().status == "READY"


def test_what_waits_for_its_time_runs_now(one_of_each, admin_client):
    with tasks.chain():
        note.enqueue(1)
        note.enqueue(2)
    waiting = list(TaskRecord.objects.filter(waits_until__isnull=False))
    said = act(admin_client, "run_now", *waiting)
    queue.promote(timezone.now())

    assert said == ["1 of 2 due now. Only tasks that wait for their time can be."]
    assert [record.arguments["args"][0] for record in TaskRecord.objects.filter(waits_until__isnull=False)] == [2]


def test_what_has_ended_is_discarded_and_nothing_else(one_of_each, admin_client):
    said = act(admin_client, "discard", *TaskRecord.objects.all())

    assert said == ["3 of 7 deleted. Only tasks that have ended can be."]
    assert set(TaskRecord.objects.values_list("status", flat=True)) == {"READY", "RUNNING"}


def test_the_list_shows_how_far_a_task_is(admin_client):
    note.enqueue(1)
    claimed = queue.claim("default", "node/boot/default-1/0")
    TaskRecord.objects.filter(pk=claimed.id).update(progress={"done": 1234, "total": 5000})

    assert "1,234 of 5,000" in admin_client.get(LIST).content.decode()


def test_an_action_takes_no_more_than_it_can_do_in_time(admin_client, monkeypatch):
    monkeypatch.setattr(admin, "AT_ONCE", 1)
    for number in range(2):
        note.enqueue(number)

    assert act(admin_client, "cancel", *TaskRecord.objects.all()) == ["Select fewer: 1 tasks at once."]
    assert TaskRecord.objects.filter(status="READY").count() == 2


def test_who_may_only_look_cannot_act(client, one_of_each):
    ada = User.objects.create_user("ada", is_staff=True)
    ada.user_permissions.add(Permission.objects.get(codename="view_taskrecord"))
    client.force_login(ada)
    ready = TaskRecord.objects.filter(status="READY")
    client.post(LIST, {"action": "cancel", "_selected_action": [str(task.pk) for task in ready]})

    assert client.get(LIST).status_code == 200
    assert ready.count() == 3


def test_the_page_of_a_task_says_what_it_waits_for(admin_client):
    def shown(result):
        return html.unescape(admin_client.get(f"{LIST}{result.id}/change/").content.decode())

    with tasks.chain():
        first = note.enqueue()
        second = note.enqueue()
    limited = send.enqueue(1)
    later = note.using(run_after=datetime(2090, 5, 6, 7, 8, tzinfo=UTC)).enqueue()

    assert "A free worker of the queue default" in shown(first)
    assert f'The end of <a href="{LIST}{first.id}/change/">{note.module_path}</a>, before it' in shown(second)
    assert f'{LIST}?chain={TaskRecord.objects.get(pk=second.id).chain}">All its tasks' in shown(second)
    assert "A place: at most 2 with the key smtp run at once" in shown(limited)
    assert "2090" in shown(later)
    queue.claim("default", "node/boot/default-1/0")
    assert "9999" not in shown(first) + shown(second) + shown(limited)


def test_the_list_of_a_chain_shows_its_tasks(rows):
    with tasks.chain():
        note.enqueue(1)
        note.enqueue(2)
    note.enqueue(3)

    assert rows(f"?chain={TaskRecord.objects.last().chain}") == [2, 1]
