"""What a reload refuses, how it compares, and what it says of an error."""

import asyncio
from concurrent import interpreters
from dataclasses import replace
from types import SimpleNamespace

import pytest

from runtime.shared.plan import StartError, WebPool, WorkerPool
from runtime.supervise.reload import FIXED, Reload, reason_of
from runtime.supervise.seats import seats_needed
from tests.runtime.make import make_plan
from tests.runtime.on_loop import on_the_loop, turns


class Bridge:
    """Says how many requests each interpreter has answered, at the first look and at the next."""

    def __init__(self, **looks):
        self.looks = {name: list(numbers) for name, numbers in looks.items()}

    def served(self, host):
        return self.looks[host.name].pop(0)


def reload_of(plan, bridge=None, hosts=()):
    board = SimpleNamespace(seats=seats_needed(plan))
    return Reload(SimpleNamespace(plan=plan, board=board, bridge=bridge, hosts=list(hosts)), None)


@pytest.fixture
def plan(tmp_path):
    workers = WorkerPool(name="default", queues=("default",))
    return make_plan(tmp_path, workers, web=WebPool(canary=0.001))


@pytest.mark.parametrize(
    ("name", "value", "where"),
    [
        ("host", "0.0.0.0", "HOST"),
        ("port", 1, "PORT"),
        ("roles", ("web",), "ROLES"),
        ("data_dir", "/elsewhere", "DATA_DIR"),
        ("database", "postgresql", "DATABASE_URL"),
        ("database_address", "dbname=x", "DATABASE_URL"),
        ("database_file", "/elsewhere/db", "DATABASE_URL"),
        ("memory_limit", 1, "MEMORY_LIMIT"),
        ("queues", ("default", "more"), "QUEUES of TASKS"),
    ],
)
def test_what_main_has_laid_out_is_refused_by_the_name_of_its_setting(plan, name, value, where):
    with pytest.raises(StartError) as refused:
        reload_of(plan)._accept(replace(plan, **{name: value}))

    assert str(refused.value) == f"{where}: changed, which takes a restart."


def test_every_fixed_field_is_one_of_the_plan(plan):
    assert [name for name in FIXED if not hasattr(plan, name)] == []


def test_all_that_was_changed_is_named_once(plan):
    with pytest.raises(StartError, match=r"^PORT, DATABASE_URL: changed"):
        reload_of(plan)._accept(replace(plan, database="postgresql", database_address="dbname=x", port=1))


def test_interpreters_may_change_as_far_as_there_are_seats(plan):
    reload = reload_of(plan)
    reload._accept(replace(plan, web=WebPool(count=4), debug=True, shutdown_timeout=1.0))

    with pytest.raises(StartError, match="INTERPRETERS"):
        reload._accept(replace(plan, web=WebPool(count=40)))


class Web:
    """An interpreter as far as the comparison looks at it."""

    def __init__(self, name):
        self.name, self.sockets = name, [1]


@pytest.mark.parametrize(
    ("new", "old", "is_good"),
    [
        ((0, 0), (0, 0), True),  # nobody asked
        ((50, 0), (100, 0), True),
        ((50, 1), (100, 0), False),
        ((50, 2), (100, 2), True),  # 4 % beside 2 %
        ((50, 3), (100, 2), False),
        ((50, 50), (100, 100), True),  # broken before
        ((50, 50), (100, 0), False),
        ((1, 1), (0, 0), True),  # there is nothing to compare with
    ],
)
@on_the_loop
async def test_the_new_one_may_fail_twice_as_often_as_the_old_ones_beside_it(plan, new, old, is_good):
    bridge = Bridge(old=[(1000, 500), (1000 + old[0], 500 + old[1])], new=[(0, 0), new, new])
    hosts = [Web("old"), Web("new")]
    flaw = await reload_of(plan, bridge, hosts)._compare(hosts[1])

    assert (flaw == "") == is_good
    if flaw:
        assert f"{new[1]} of {new[0]} requests with an error, the others {old[1]} of {old[0]}" in flaw


@on_the_loop
async def test_an_old_one_that_is_gone_by_the_end_is_not_compared_with(plan):
    bridge = Bridge(old=[(1000, 0)], new=[(0, 0), (50, 1), (50, 1)])
    hosts = [Web("old"), Web("new")]
    reload = reload_of(replace(plan, web=WebPool(canary=0.05)), bridge, hosts)
    comparing = asyncio.ensure_future(reload._compare(hosts[1]))
    await turns(2)  # up to its pause
    reload.supervisor.hosts.remove(hosts[0])

    assert await comparing == ""


def test_the_reason_is_one_line_with_the_place(tmp_path):
    code = tmp_path / "broken.py"
    code.write_text("\n\nx = (\n")
    interpreter = interpreters.create()
    with pytest.raises(interpreters.ExecutionFailed) as failed:
        interpreter.exec(f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import broken")
    interpreter.close()

    assert reason_of(failed.value) == f"SyntaxError: '(' was never closed (broken.py, line 3) ({code}, line 3)"
    assert reason_of(StartError("several\n  lines")) == "several lines"
