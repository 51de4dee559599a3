"""Event descriptors, and the socket through which other processes wake the server."""

import os
import select
import socket
import subprocess
import sys

import pytest

from runtime.interpreter.host import call_once
from runtime.shared import descriptors, node_sockets
from runtime.shared.descriptors import Wakeups
from runtime.supervise.wakeup_socket import WakeupSocket
from tests.runtime.on_loop import on_the_loop, turns
from tests.server import PROJECT

QUEUES = ("critical", "default")


@pytest.fixture
def wakeups():
    made = Wakeups.make(QUEUES)
    yield made
    made.close()


@pytest.fixture
def cancelled():
    return []


@pytest.fixture
def listener(tmp_path, wakeups, cancelled):
    listener = WakeupSocket(tmp_path / "server-1.sock", wakeups, lambda *words: cancelled.append(words))
    yield listener
    listener.socket.close()


def test_nobody_is_woken_for_a_paused_queue(listener, wakeups):
    listener.is_paused = lambda queue: queue == "default"
    for queue in QUEUES:
        listener.pass_on(f"queue {queue}")

    assert [taken(wakeups.queues[queue]) for queue in QUEUES] == [1, 0]


def is_readable(descriptor):
    return bool(select.select([descriptor], [], [], 0)[0])


def taken(descriptor):
    return sum(iter(lambda: descriptors.take(descriptor), False))


def test_each_signal_is_taken_once(wakeups):
    event = wakeups.housekeeper
    assert descriptors.take(event) is False
    descriptors.signal(event)
    descriptors.signal(event, 2)

    assert taken(event) == 3
    assert not is_readable(event)


def test_a_signalled_descriptor_stays_readable_until_it_is_taken(wakeups):
    descriptors.signal(wakeups.housekeeper)

    assert is_readable(wakeups.housekeeper)
    assert is_readable(wakeups.housekeeper)


@pytest.mark.parametrize(("waiting", "number", "left"), [(0, 2, 2), (1, 2, 3), (3, 9, 4), (9, 1, 9), (0, 0, 0)])
def test_signals_from_elsewhere_do_not_pile_up(wakeups, waiting, number, left):
    if waiting:
        descriptors.signal(wakeups.housekeeper, waiting)
    descriptors.signal_up_to(4, wakeups.housekeeper, number)

    assert taken(wakeups.housekeeper) == left


def test_a_signal_from_another_interpreter_arrives(wakeups):
    call_once("isolated", "runtime.shared.descriptors:signal", wakeups.supervisor, 2)

    assert taken(wakeups.supervisor) == 2


def test_descriptors_are_not_inherited_by_child_processes(wakeups):
    assert not any(os.get_inheritable(event) for event in (*wakeups.queues.values(), wakeups.housekeeper))


def test_a_message_of_another_process_wakes_its_queue(tmp_path, wakeups, listener):
    code = "from pathlib import Path; from runtime.shared.node_sockets import send; send(Path({!r}), 'queue default')"
    subprocess.run([sys.executable, "-c", code.format(str(tmp_path))], cwd=PROJECT, check=True)
    listener.receive()

    assert taken(wakeups.queues["default"]) == 1
    assert taken(wakeups.queues["critical"]) == taken(wakeups.housekeeper) == 0


@pytest.mark.parametrize("message", ["due", "queue unknown", "", "queue", "\N{PILE OF POO}", "x" * 1000])
def test_what_names_no_queue_wakes_the_housekeeper_at_most(tmp_path, wakeups, listener, message):
    node_sockets.send(tmp_path, message)
    listener.receive()

    assert not any(taken(event) for event in wakeups.queues.values())
    assert taken(wakeups.housekeeper) <= 1


def test_a_task_for_later_wakes_the_housekeeper_alone(tmp_path, wakeups, listener, cancelled):
    node_sockets.send(tmp_path, "due")
    listener.receive()

    assert taken(wakeups.housekeeper) == 1
    assert not any(taken(event) for event in wakeups.queues.values())
    assert cancelled == []


def test_bytes_that_are_no_text_are_survived(tmp_path, wakeups, listener):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"\xff\xfe", str(listener.path))
    node_sockets.send(tmp_path, "queue critical")
    listener.receive()

    assert taken(wakeups.queues["critical"]) == 1


def test_a_message_for_several_tasks_wakes_several_workers(wakeups, listener):
    listener.pass_on("queue default", 3)

    assert taken(wakeups.queues["default"]) == 3


def test_a_cancel_is_passed_on_with_its_id_and_claim(tmp_path, listener, cancelled):
    node_sockets.send(tmp_path, "cancel 0123 node/boot/default-1/0")
    listener.receive()

    assert cancelled == [("0123", "node/boot/default-1/0")]


def test_every_server_on_the_folder_is_told(tmp_path, wakeups, listener):
    other = Wakeups.make(QUEUES)
    second = WakeupSocket(tmp_path / "server-2.sock", other, print)
    node_sockets.send(tmp_path, "queue default")
    for each in (listener, second):
        each.receive()
    second.socket.close()

    assert (taken(wakeups.queues["default"]), taken(other.queues["default"])) == (1, 1)
    other.close()


def test_sending_where_no_server_listens_is_no_error(tmp_path, listener):
    listener.socket.close()
    (tmp_path / "server-2.sock").write_text("no socket")

    node_sockets.send(tmp_path, "queue default")
    node_sockets.send(tmp_path / "missing", "queue default")


def test_a_server_that_does_not_read_holds_nobody_up(tmp_path, wakeups, listener):
    for _ in range(10000):
        node_sockets.send(tmp_path, "queue default")
    listener.receive()

    assert 0 < taken(wakeups.queues["default"]) < 10000


def test_the_socket_that_a_killed_server_left_behind_is_replaced(tmp_path, wakeups, listener, cancelled):
    listener.socket.close()
    again = WakeupSocket(listener.path, wakeups, lambda *words: None)
    node_sockets.send(tmp_path, "queue default")
    again.receive()
    again.socket.close()

    assert taken(wakeups.queues["default"]) == 1


def test_a_folder_with_a_long_path_can_be_served(tmp_path, wakeups):
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    listener = WakeupSocket(folder / "server-1.sock", wakeups, print)
    node_sockets.send(folder, "queue default")
    listener.receive()
    listener.socket.close()

    assert taken(wakeups.queues["default"]) == 1


def test_no_descriptor_is_left_open(tmp_path):
    before = set(os.listdir("/proc/self/fd"))
    wakeups = Wakeups.make(QUEUES)
    listener = WakeupSocket(tmp_path / "server-1.sock", wakeups, print)
    node_sockets.send(tmp_path, "queue default")
    listener.socket.close()
    node_sockets.send(tmp_path, "queue default")
    wakeups.close()

    assert set(os.listdir("/proc/self/fd")) == before


@on_the_loop
async def test_it_listens_on_the_loop_until_it_is_closed(tmp_path):
    wakeups = Wakeups.make(QUEUES)
    listener = WakeupSocket(tmp_path / "server-1.sock", wakeups, print)
    listener.listen()
    node_sockets.send(tmp_path, "queue default")
    await turns()
    heard = taken(wakeups.queues["default"])
    listener.close()
    node_sockets.send(tmp_path, "queue default")
    await turns()
    later = taken(wakeups.queues["default"])
    wakeups.close()

    assert (heard, later, listener.path.exists()) == (1, 0, False)
