"""Recurring tasks in the table: each tick once, missed ones made up for once, paused, and no question without need."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection

from runtime.shared import node_sockets
from tasks import schedule
from tasks.discovery import load_tasks
from tasks.house import ticks
from tasks.house.ticks import PAUSE_AFTER_ERROR, Ticker
from tasks.models import Schedule, TaskRecord
from tasks.table import wakeup
from tests.tasks.sample_tasks import note

LIST = "/admin/tasks/schedule/"
NOW = datetime(2026, 11, 21, 12, 5, tzinfo=UTC)
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def at(hours, minutes=0):
    return NOON.replace(hour=hours, minute=minutes)


@pytest.fixture(autouse=True)
def declared(monkeypatch, db):
    load_tasks()  # the project's own are made now, not in the middle of a test
    monkeypatch.setattr(schedule, "declarations", {})


@pytest.fixture
def row():
    """A task that recurs every ten minutes, in the table since five past twelve."""
    schedule.every("10m", name="note")(note, "ten")
    ticks.synchronise(NOW)
    return Schedule.objects.get()


def enqueued():
    return [record.arguments["args"][0] for record in TaskRecord.objects.order_by("id")]


def next_runs():
    return dict(Schedule.objects.values_list("name", "next_run"))


def declare_anew(*declarations):
    """As a start with other code does."""
    schedule.declarations.clear()
    for when, name in declarations:
        when(note, name)
    ticks.synchronise(NOW)


def test_what_is_declared_is_in_the_table_with_its_next_time(row):
    assert (row.name, row.task, row.expression) == ("note", note.module_path, "every 10m")
    assert (row.last_run, row.next_run, row.paused) == (None, at(12, 10), False)
    assert enqueued() == []


def test_another_start_changes_nothing(row):
    ticks.synchronise(NOW + timedelta(hours=5))

    assert next_runs() == {"note": at(12, 10)}


def test_what_is_declared_no_more_is_gone(row):
    declare_anew((schedule.every("1h", name="other"), "other"))

    assert next_runs() == {"other": at(13)}


def test_a_changed_expression_counts_from_now(row):
    declare_anew((schedule.every("1h", name="note"), "ten"))

    assert next_runs() == {"note": at(13)}


def test_while_a_module_does_not_import_nothing_is_removed(row, monkeypatch):
    monkeypatch.setattr(ticks, "load_tasks", lambda: {"shop.tasks": ImportError(), "accounts.tasks": None})
    declare_anew()

    assert list(next_runs()) == ["note"]


def test_a_tick_enqueues_once(row):
    ticker = Ticker()
    for minutes in (9, 10, 10, 15):
        ticker.look(at(12, minutes))

    assert enqueued() == ["ten"]
    assert next_runs() == {"note": at(12, 20)}
    assert Schedule.objects.get().last_run == at(12, 10)
    assert ticker.next_tick == at(12, 20)


def test_after_a_clock_that_was_ahead_it_ticks_again_within_its_time(row):
    Schedule.objects.update(next_run=NOW + timedelta(days=365))
    ticker = Ticker()
    ticker.look(NOW)

    assert next_runs() == {"note": at(12, 10)}


def test_a_node_whose_clock_is_behind_does_not_bring_a_tick_back(row):
    Ticker().look(at(12, 10) + timedelta(milliseconds=1))
    behind = Ticker()
    behind.look(at(12, 10) - timedelta(milliseconds=3))
    behind.look(at(12, 10) + timedelta(milliseconds=1))

    assert enqueued() == ["ten"]


def test_of_two_nodes_one_enqueues(row):
    assert [ticks.take(row, at(12, 10)) for _ in range(2)] == [at(12, 20)] * 2
    assert enqueued() == ["ten"]


@pytest.mark.django_db(transaction=True)
def test_of_nodes_that_come_at_the_same_moment_one_enqueues(row):
    start = threading.Barrier(4)

    def node():
        start.wait()
        ticks.take(row, at(12, 10))
        connection.close()

    threads = [threading.Thread(target=node) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert enqueued() == ["ten"]


def test_missed_ticks_are_made_up_for_once(row, caplog):
    Ticker().look(at(18, 3))

    assert enqueued() == ["ten"]
    assert next_runs() == {"note": at(18, 10)}
    assert [record.getMessage().partition(" ")[0] for record in caplog.records] == ["schedule_late"]


def test_one_that_cannot_be_enqueued_is_tried_again_and_holds_up_no_other(row, monkeypatch, caplog):
    def enqueue(declared):
        if declared.name == "note":
            raise RuntimeError("as asked")
        return ordinary(declared)

    ordinary = schedule.Declaration.enqueue
    monkeypatch.setattr(schedule.Declaration, "enqueue", enqueue)
    schedule.every("10m", name="other")(note, "other")
    ticks.synchronise(NOW)
    ticker = Ticker()
    ticker.look(at(12, 10))

    assert enqueued() == ["other"]
    assert next_runs() == {"note": at(12, 10), "other": at(12, 20)}
    assert ticker.next_tick == at(12, 10) + PAUSE_AFTER_ERROR
    assert "the schedule note has failed" in caplog.text


def test_a_failed_look_is_repeated_after_a_pause(row, monkeypatch):
    ticker = Ticker()
    monkeypatch.setattr(ticks, "synchronise", lambda now: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ticker.look(NOW)

    assert ticker.next_tick == NOW + PAUSE_AFTER_ERROR


def test_what_other_code_has_declared_is_left_to_it(row):
    """A node with the last release runs beside one with the next."""
    Schedule.objects.create(name="new", task="shop.tasks.new", expression="every 1m", next_run=at(12, 6))
    Schedule.objects.filter(name="note").update(expression="every 1h", next_run=at(12, 6))
    ticker = Ticker()
    ticker.synchronised = True
    ticker.look(at(12, 10))

    assert enqueued() == []
    assert ticker.next_tick is None
    Schedule.objects.filter(name="note").update(next_run=row.next_run)
    ticks.take(row, at(12, 10))  # read before the other one changed it
    assert enqueued() == []


def test_until_a_tick_is_due_the_database_is_asked_nothing(row, django_assert_num_queries):
    ticker = Ticker()
    ticker.look(NOW)
    with django_assert_num_queries(0):
        assert ticker.next_look
    with django_assert_num_queries(1):
        ticker.look(NOW)
    schedule.declarations.clear()
    with django_assert_num_queries(0):
        ticker.look(NOW)


def test_paused_it_does_not_tick_and_resumed_it_makes_up_for_nothing(row, monkeypatch):
    assert ticks.pause(row)
    Ticker().look(at(15, 1))
    assert enqueued() == []
    assert next_runs() == {"note": None}

    monkeypatch.setattr(ticks.timezone, "now", lambda: at(16, 1))
    assert ticks.resume(Schedule.objects.get())
    assert next_runs() == {"note": at(16, 10)}


def test_what_was_paused_stays_so_when_its_expression_changes(row):
    ticks.pause(row)
    declare_anew((schedule.every("1h", name="note"), "ten"))

    assert next_runs() == {"note": None}
    assert Schedule.objects.get().paused


def test_a_pause_comes_before_a_tick_that_was_read_before(row):
    ticks.pause(row)
    ticks.take(row, at(12, 10))

    assert enqueued() == []


@pytest.mark.parametrize(("paused", "following"), [(False, at(12, 10)), (True, None)])
def test_it_runs_when_asked_for(row, monkeypatch, paused, following):
    if paused:
        ticks.pause(row)
    monkeypatch.setattr(ticks.timezone, "now", lambda: at(12, 6))
    assert ticks.run_now(Schedule.objects.get())
    Ticker().look(at(12, 6))
    Ticker().look(at(12, 7))

    assert enqueued() == ["ten"]
    assert next_runs() == {"note": following}
    assert Schedule.objects.get().paused is paused


def test_what_is_gone_cannot_be_asked_for(row):
    row.name = "gone"

    assert not ticks.run_now(row)


@pytest.mark.parametrize("act", [ticks.run_now, ticks.pause])
def test_the_housekeepers_are_told_on_commit(row, monkeypatch, django_capture_on_commit_callbacks, act):
    said = []
    monkeypatch.setattr(wakeup, "_notify", said.append)
    monkeypatch.setattr(node_sockets, "send", lambda folder, message: said.append(message))
    with django_capture_on_commit_callbacks() as callbacks:
        act(row)

    (announced,) = said
    assert announced.endswith(" due")
    for callback in callbacks:
        callback()
    assert said[1:] == (["due"] if connection.vendor == "sqlite" else [])


def act(client, action, *names):
    data = {"action": action, "_selected_action": names}
    answer = client.post(LIST, data, follow=True)
    assert answer.status_code == 200
    return [str(message) for message in answer.context["messages"]]


def test_the_admin_lists_them_with_their_times(row, admin_client):
    Ticker().look(at(12, 10))
    page = admin_client.get(LIST).content.decode()

    assert "every 10m" in page
    assert "Nov. 21, 2026, 12:10 p.m." in page
    assert "Nov. 21, 2026, 12:20 p.m." in page
    assert f'href="/admin/tasks/taskrecord/?task={note.module_path}"' in page
    assert admin_client.get(f"{LIST}note/change/").status_code == 200


def test_the_admin_runs_pauses_and_resumes_them(row, admin_client):
    assert act(admin_client, "pause", "note") == ["1 of 1 paused. The others were before."]
    assert act(admin_client, "pause", "note") == ["0 of 1 paused. The others were before."]
    assert next_runs() == {"note": None}
    assert act(admin_client, "resume", "note") == ["1 of 1 resumed. The others were not paused."]
    assert act(admin_client, "run_now", "note") == ["1 of 1 to be enqueued now."]
    Ticker().look(ticks.timezone.now())
    assert enqueued() == ["ten"]


def test_the_admin_changes_nothing_else(row, admin_client):
    assert admin_client.get(f"{LIST}add/").status_code == 403
    assert admin_client.get(f"{LIST}note/delete/").status_code == 403
    assert admin_client.post(f"{LIST}note/change/", {"expression": "every 1s"}).status_code == 403


def test_who_may_only_look_cannot_act(row, client):
    ada = User.objects.create_user("ada", is_staff=True)
    ada.user_permissions.add(Permission.objects.get(codename="view_schedule"))
    client.force_login(ada)
    client.post(LIST, {"action": "pause", "_selected_action": ["note"]})

    assert client.get(LIST).status_code == 200
    assert not Schedule.objects.get().paused
