"""Limits, unique tasks and chains in the running server, and over its death; with PostgreSQL on two nodes."""

import signal
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate

import pytest

from tests.server import running
from tests.site import gates

QUEUES = ("default", "critical", "exports", "images")
CONTRACT = 30  # seconds until another node has taken over


def most_at_once(marks):
    return max(accumulate(1 if mark == "+" else -1 for mark in marks.read_text().split()))


def enqueue_in_all_queues(server, marks, number):
    return [server.enqueue("pass_through", str(marks), queue_name=QUEUES[each % 4]) for each in range(number)]


def status(server, task):
    return server.client.get(f"/api/tasks/{task}/").json()["status"]


def test_no_more_run_at_once_than_the_limit_says_whatever_queue_and_pool(tmp_path):
    marks = tmp_path / "marks"
    with running(tmp_path / "data") as server:
        tasks = enqueue_in_all_queues(server, marks, 40)
        ends = [server.wait_for_task(task) for task in tasks]

    assert {end["status"] for end in ends} == {"SUCCESSFUL"}
    assert most_at_once(marks) == 2
    spans = [(end["finished_at"], end["started_at"]) for end in ends]
    events = sorted([(start, 1) for _, start in spans] + [(end, -1) for end, _ in spans])
    assert max(accumulate(change for _, change in events)) == 2  # and so the rows say


def test_what_a_kill_interrupted_has_its_place_back_at_the_next_start(tmp_path):
    data, marks = tmp_path / "data", tmp_path / "marks"
    paths = [gates.make(tmp_path, f"gate{number}") for number in range(2)]
    with running(data) as server:
        held = [
            server.enqueue("wait_in_line", str(path), queue_name=name)
            for path, name in zip(paths, QUEUES, strict=False)
        ]
        for path in paths:
            gates.wait_for_arrival(path)
        waiting = enqueue_in_all_queues(server, marks, 8)
        assert {status(server, task) for task in waiting} == {"READY"}
        assert server.wait_for_task(server.enqueue("add", 1, 2))["result"] == 3  # past those in line
        server.send(signal.SIGKILL)
        server.wait_exit()
    with running(data) as server:
        for path in paths:
            gates.wait_for_arrival(path)
        assert {status(server, task) for task in waiting} == {"READY"}
        assert not marks.exists()
        for path in paths:
            gates.open_gate(path)

        assert {server.wait_for_task(task)["attempts"] for task in held} == {2}
        assert {server.wait_for_task(task)["status"] for task in waiting} == {"SUCCESSFUL"}
    assert most_at_once(marks) == 2


def test_a_unique_task_is_there_once_while_it_waits_or_runs(tmp_path):
    gate = gates.make(tmp_path, "gate")
    with running(tmp_path / "data") as server, ThreadPoolExecutor() as threads:
        tasks = {*threads.map(lambda _: server.enqueue("wait_alone", str(gate)), range(12))}
        assert len(tasks) == 1
        gates.wait_for_arrival(gate)
        assert server.enqueue("wait_alone", str(gate)) in tasks
        gates.open_gate(gate)

        assert server.wait_for_task(*tasks)["result"] == "through"
        assert server.enqueue("wait_alone", str(gate)) not in tasks
        gates.wait_for_arrival(gate)
        gates.open_gate(gate)


@pytest.fixture
def chain():
    def enqueue(server, *tasks):
        return server.client.post("/test/chain", json=tasks).json()["ids"]

    return enqueue


def test_a_chain_goes_on_over_the_death_of_the_server(tmp_path, chain):
    gate = gates.make(tmp_path, "gate")
    with running(tmp_path / "data") as server:
        tasks = chain(server, ["add", 1, 1], ["attempt", str(gate)], ["add", 2, 2], ["add", 3, 3])
        gates.wait_for_arrival(gate)
        server.send(signal.SIGKILL)
        server.wait_exit()
    with running(tmp_path / "data") as server:
        ends = [server.wait_for_task(task) for task in tasks]

    assert [end["result"] for end in ends] == [2, 2, 4, 6]
    moments = [moment for end in ends for moment in (end["started_at"], end["finished_at"])]
    assert moments == sorted(moments)


def test_a_chain_that_breaks_says_where_and_goes_on_from_there(tmp_path, chain):
    with running(tmp_path) as server:
        tasks = chain(server, ["add", 1, 1], ["succeed_at", 4], ["add", 2, 2])
        ends = [server.wait_for_task(task) for task in tasks]
        assert [end["status"] for end in ends] == ["SUCCESSFUL", "FAILED", "FAILED"]
        assert ends[2]["error"]["type"] == "tasks.errors.ChainBroken"
        assert tasks[1] in ends[2]["error"]["message"]
        server.client.post(f"/api/tasks/{tasks[2]}/retry/")

        assert server.wait_for_task(tasks[2], "SUCCESSFUL")["result"] == 4
        assert server.wait_for_task(tasks[1])["result"] == 4


def test_two_nodes_share_a_limit_and_one_gets_the_places_of_the_other_that_dies(address, tmp_path):
    marks = tmp_path / "marks"
    paths = [gates.make(tmp_path, f"gate{number}") for number in range(2)]
    with running(tmp_path / "one", DATABASE_URL=address) as one:
        held = [one.enqueue("wait_in_line", str(path)) for path in paths]
        for path in paths:
            gates.wait_for_arrival(path)
        with running(tmp_path / "other", DATABASE_URL=address) as other:
            waiting = enqueue_in_all_queues(other, marks, 20)
            assert other.wait_for_task(other.enqueue("add", 1, 2))["result"] == 3
            assert {status(other, task) for task in waiting} == {"READY"}
            gates.open_gate(paths[0])
            assert one.wait_for_task(held[0])["status"] == "SUCCESSFUL"
            ends = [other.wait_for_task(task)["status"] for task in waiting]
            assert set(ends) == {"SUCCESSFUL"}
            assert most_at_once(marks) == 1
            one.send(signal.SIGKILL)

            gates.wait_for_arrival(paths[1])
            gates.open_gate(paths[1])
            assert other.wait_for_task(held[1])["attempts"] == 2
            for task in enqueue_in_all_queues(other, marks, 20):
                assert other.wait_for_task(task)["status"] == "SUCCESSFUL"
    assert most_at_once(marks) == 2
