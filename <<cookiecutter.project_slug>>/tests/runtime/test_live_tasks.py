"""What a page is told of its tasks."""

import json
from uuid import uuid7

import pytest

from runtime.observe import live_tasks
from runtime.observe.live_tasks import LiveTasks
from runtime.shared import watched
from runtime.shared.board import Board, Cell, halves
from runtime.shared.watched import Watched


@pytest.fixture
def board():
    return Board(("default",), seats=3)


def run(board, task, done=0, total=0, seat=0):
    """Show a task on the board."""
    row = board.seat(seat)
    row[Cell.TASK_HIGH], row[Cell.TASK_LOW] = halves(task.int)
    row[Cell.BUSY_SINCE], row[Cell.PROGRESS_DONE], row[Cell.PROGRESS_TOTAL] = 1, done, total


def stop(board, seat=0):
    row = board.seat(seat)
    row[Cell.TASK_HIGH] = row[Cell.TASK_LOW] = row[Cell.BUSY_SINCE] = 0


def end(board, task):
    """As another interpreter does it."""
    Board(board.queues, board.seats, board.memory).watched.end(halves(task.int)[1])


class Page:
    def __init__(self, tasks, *ids):
        self.tasks, self.feed = tasks, tasks.feed(",".join(map(str, ids)))

    def hears(self):
        self.tasks.look()
        event = next(self.feed)
        assert event in (b"",) or event.startswith(b"data: ")
        return json.loads(event.removeprefix(b"data: ")) if event else None


def test_a_page_looks_at_its_tasks_once_and_then_at_what_has_changed(board):
    one, two = uuid7(), uuid7()
    page = Page(LiveTasks(board, has_peers=False), one, two)
    assert page.hears() == {"running": {}, "changed": [str(one), str(two)]}
    assert page.hears() is None
    run(board, one)
    run(board, uuid7(), seat=1)
    assert page.hears() == {"running": {str(one): [0, 0]}, "changed": []}
    assert page.hears() is None
    run(board, one, 5, 10)
    assert page.hears() == {"running": {str(one): [5, 10]}, "changed": []}
    end(board, one)
    assert page.hears() == {"running": {}, "changed": [str(one)]}


def test_a_task_that_was_never_seen_to_run_is_not_missed(board):
    task = uuid7()
    page = Page(LiveTasks(board, has_peers=False), task)
    page.hears()
    end(board, task)
    assert page.hears() == {"running": {}, "changed": [str(task)]}
    assert page.hears() is None
    end(board, task)  # it was tried again
    assert page.hears() == {"running": {}, "changed": [str(task)]}


def test_every_page_that_shows_a_task_is_told(board):
    task, tasks = uuid7(), LiveTasks(board, has_peers=False)
    pages = [Page(tasks, task), Page(tasks, task)]
    for page in pages:
        page.hears()
    end(board, task)
    tasks.look()
    assert [next(page.feed) for page in pages] == [f'data: {{"running": {{}}, "changed": ["{task}"]}}\n\n'.encode()] * 2


def test_a_task_that_stops_without_an_end_has_changed(board):
    task = uuid7()
    page = Page(LiveTasks(board, has_peers=False), task)
    run(board, task)
    page.hears()
    page.hears()
    stop(board)
    assert page.hears() == {"running": {}, "changed": [str(task)]}


def test_where_others_may_run_it_what_waits_is_looked_at_now_and_then(board, monkeypatch):
    monkeypatch.setattr(live_tasks, "ASK_OTHERS_EVERY", 0)
    here, elsewhere = uuid7(), uuid7()
    page = Page(LiveTasks(board, has_peers=True), here, elsewhere)
    run(board, here)
    page.hears()
    assert page.hears() == {"running": {str(here): [0, 0]}, "changed": [str(elsewhere)]}


def test_a_page_that_leaves_leaves_nothing_behind(board):
    tasks, task = LiveTasks(board, has_peers=False), uuid7()
    pages = [Page(tasks, task), Page(tasks, task)]
    for page in pages:
        page.hears()
    pages[0].feed.close()
    end(board, task)
    assert pages[1].hears()["changed"] == [str(task)]
    pages[1].feed.close()
    assert (tasks.watched.holders, tasks.watched.owners) == ({}, {})
    assert not any(board.watched.cells)


def test_more_ids_than_a_row_has_cells_are_refused():
    watches = Watched(memoryview(bytearray(8 * watched.CELLS)).cast("q"))
    numbers = [1 + number * watched.ROWS for number in range(watched.WIDTH + 1)]
    assert [watches.take(number) for number in numbers] == [True] * watched.WIDTH + [False]
    watches.release(numbers[0])
    assert watches.take(numbers[-1])
