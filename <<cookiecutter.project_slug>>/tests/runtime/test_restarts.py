"""Pauses before restarts, and when there have been too many."""

import time
from types import SimpleNamespace

import pytest

from runtime.shared.plan import WorkerPool
from runtime.supervise.restarts import FIRST_PAUSE, GOOD_LIFE, LONGEST_PAUSE, MOST_IN_A_ROW, Restarts
from tests.runtime.make import make_plan


def make_host(name, *, ready=False, lived=0.0):
    pool = name.partition("-")[0]
    assignment = SimpleNamespace(pool=pool)
    return SimpleNamespace(name=name, ready=ready, started=time.monotonic() - lived, assignment=assignment)


@pytest.fixture
def plan(tmp_path):
    return make_plan(tmp_path, WorkerPool(name="default", queues=("default",)))


@pytest.fixture
def restarts():
    restarts = Restarts()
    restarts.have_served = {"web", "default"}
    return restarts


def die(restarts, name, times):
    for _ in range(times):
        restarts.pause_before(make_host(name))


def test_the_pauses_double_up_to_the_longest(restarts):
    pauses = [restarts.pause_before(make_host("web-1")) for _ in range(5000)]

    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert set(pauses[MOST_IN_A_ROW:]) == {LONGEST_PAUSE}


def test_after_a_good_life_they_begin_anew(restarts):
    die(restarts, "web-1", 5)

    assert restarts.pause_before(make_host("web-1", lived=GOOD_LIFE + 1)) == FIRST_PAUSE
    assert restarts.pause_before(make_host("web-1")) == 2 * FIRST_PAUSE


def test_each_name_has_its_own(restarts):
    die(restarts, "web-1", 5)

    assert restarts.pause_before(make_host("web-2")) == FIRST_PAUSE


def test_the_budget_is_spent_at_the_last_death_with_no_web_left(restarts, plan):
    die(restarts, "web-1", MOST_IN_A_ROW - 1)
    assert not restarts.are_spent(make_host("web-1"), plan, [])
    die(restarts, "web-1", 1)

    assert restarts.are_spent(make_host("web-1"), plan, [])
    assert restarts.are_spent(make_host("web-1"), plan, [make_host("default-1", ready=True)])


def test_while_another_one_serves_it_goes_on(restarts, plan):
    die(restarts, "web-1", 5 * MOST_IN_A_ROW)

    assert not restarts.are_spent(make_host("web-1"), plan, [make_host("web-2", ready=True)])


def test_code_that_has_never_served_here_would_not_in_a_fresh_process(restarts, plan):
    restarts.have_served = {"default"}
    die(restarts, "web-1", 5 * MOST_IN_A_ROW)

    assert not restarts.are_spent(make_host("web-1"), plan, [])


def test_beside_a_web_that_serves_the_workers_have_no_end_to_their_budget(restarts, plan):
    die(restarts, "default-1", 5 * MOST_IN_A_ROW)

    assert not restarts.are_spent(make_host("default-1"), plan, [make_host("web-1", ready=True)])


def test_a_node_without_a_web_is_there_for_its_workers(restarts, tmp_path):
    plan = make_plan(tmp_path, WorkerPool(name="default", queues=("default",)), roles=("workers",))
    die(restarts, "default-1", MOST_IN_A_ROW)

    assert restarts.are_spent(make_host("default-1"), plan, [])
