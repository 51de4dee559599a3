"""A queue of tasks in memory: order, room, and what becomes of its letters when the interpreters around it go."""

import os
import random
import threading
from concurrent import interpreters

import pytest

from runtime.interpreter.kinds import close, create
from runtime.memory_limit.ledger import Use
from runtime.shared import descriptors, memory_queue
from runtime.shared.descriptors import Wakeups
from runtime.shared.memory_queue import MemoryQueue
from tests.runtime import letters
from tests.runtime.letters import letter


@pytest.fixture
def make():
    made = []

    def make(size):
        queue = MemoryQueue.make_all((("default", size),))["default"]
        made.append(queue)
        return queue

    yield make
    for queue in made:
        os.close(queue.memory)
        os.close(queue.signal)


@pytest.fixture(params=["isolated", "legacy"])
def sender(request):
    """An interpreter that enqueues; the test closes it."""
    return create(request.param)


def received(queue):
    """The numbers of the letters, in their order; their places are free again."""
    numbers = []
    while (place := queue.take()) is not None:
        numbers.append(queue.read(place).arguments["args"][0])
        queue.clear(place)
    return numbers


def signals(queue):
    return sum(iter(lambda: descriptors.take(queue.signal), False))


def test_a_letter_arrives_as_it_was(make):
    queue, sent = make(3), letter(1, "two", ["three", {"four": None}])
    assert queue.post(sent) is True

    place = queue.take()
    assert (queue.read(place), queue.take()) == (sent, None)


def test_letters_come_in_their_order_and_each_signal_is_taken_with_one(make):
    queue = make(10)
    assert all(queue.post(letter(number)) for number in range(10))

    assert (queue.number_waiting, queue.take() is None) == (10, False)
    assert received(queue) == list(range(1, 10))
    assert signals(queue) == 0


def test_it_takes_as_many_as_it_has_places_until_a_task_has_ended(make):
    queue = make(2)
    assert [queue.post(letter(number)) for number in range(3)] == [True, True, False]
    place = queue.take()
    assert (queue.is_full(), queue.post(letter(3))) == (True, False)  # it runs: its place is taken

    queue.clear(place)
    assert (queue.is_full(), queue.post(letter(4))) == (False, True)
    assert received(queue) == [1, 4]


def test_what_is_put_back_comes_last_and_wakes_somebody(make):
    queue = make(3)
    for number in range(3):
        queue.post(letter(number))
    queue.put_back(queue.take())

    assert signals(queue) == 3
    assert received(queue) == [1, 2, 0]


def test_two_queues_share_the_memory_and_no_place():
    queues = MemoryQueue.make_all((("one", 3), ("other", 3)))
    for number in range(3):
        queues["one"].post(letter(number))
        queues["other"].post(letter(10 + number))

    assert received(queues["other"]) == [10, 11, 12]
    assert received(queues["one"]) == [0, 1, 2]
    wakeups = Wakeups.make(("one", "other", "third"), memory=queues)
    assert wakeups.of(("third", "other")) == [
        wakeups.queues["third"], wakeups.queues["other"], queues["other"].signal,
    ]  # fmt: skip
    assert {queues["one"].memory, queues["one"].signal, queues["other"].signal} <= wakeups.descriptors
    wakeups.close()


@pytest.mark.parametrize("size", [0, 1])
def test_without_a_size_there_is_no_queue_and_no_memory(size):
    before = len(os.listdir("/proc/self/fd"))
    made = MemoryQueue.make_all((("default", 1),) * size)

    assert (len(made), len(os.listdir("/proc/self/fd")) - before) == (size, 2 * size)
    for queue in made.values():
        os.close(queue.memory)
        os.close(queue.signal)


def test_it_can_be_used_from_each_kind_of_interpreter(make, sender):
    queue = make(10)
    sender.call(letters.send, queue, 0, 3)
    queue.post(letter(3))

    assert sender.call(letters.receive, queue, 2) == [0, 1]
    assert received(queue) == [2, 3]
    close(sender)


def test_what_an_interpreter_has_enqueued_outlives_it_once_it_is_adopted(make, sender):
    queue = make(10)
    sender.call(letters.send, queue, 0, 5)
    sender.call(letters.receive, queue, 2)  # two places that it has freed would go with it as well
    queue.adopt()
    close(sender)

    assert signals(queue) == 3
    assert received(queue) == [2, 3, 4]
    assert sum(queue.post(letter(number)) for number in range(20)) == 10


def test_what_is_lost_all_the_same_is_told(make, sender, caplog):
    queue = make(10)
    sender.call(letters.send, queue, 0, 2)
    close(sender)

    assert received(queue) == []
    assert caplog.text.count("memory_tasks_lost number=1 tasks=unknown") == 2


def test_who_looks_while_letters_are_adopted_is_woken_again(make, monkeypatch):
    queue = make(3)
    queue.post(letter(1))

    def look_then_count(self, count=MemoryQueue.wake):
        signals(queue)  # as who has looked while the letter was out
        count(self)

    monkeypatch.setattr(MemoryQueue, "wake", look_then_count)
    queue.adopt()
    assert signals(queue) == 1


def test_an_error_at_the_signal_leaves_no_letter_without_one(make, monkeypatch):
    queue, real = make(3), descriptors.signal
    errors = [TimeoutError]

    def signal(*arguments):
        if errors:
            raise errors.pop()
        real(*arguments)

    monkeypatch.setattr(memory_queue.descriptors, "signal", signal)
    with pytest.raises(TimeoutError):
        queue.post(letter(1))
    assert signals(queue) == 1


def test_nothing_stays_with_a_sender_that_sleeps(make, sender):
    """As objects in a Queue would (CPython 110693): some 60 MB of these."""
    queue = make(2000)
    before = Use.now().resident
    for _ in range(5):
        sender.call(letters.send, queue, 0, 2000, 7000)
        received(queue)

    assert Use.now().resident - before < 15 * 2**20
    close(sender)


def test_nothing_is_lost_or_comes_twice_while_interpreters_come_and_go(make):
    queue, each, count = make(50), 150, 3
    sent = [range(number * each, (number + 1) * each) for number in range(count)]
    threads = [threading.Thread(target=send_and_leave, args=(queue, numbers)) for numbers in sent]
    found: list[int] = []
    receivers = [threading.Thread(target=receive_and_leave, args=(queue, each * count, found)) for _ in range(2)]
    for thread in (*threads, *receivers):
        thread.start()
    for thread in (*threads, *receivers):
        thread.join()

    assert sorted(found) == list(range(each * count))
    assert queue.free.qsize() == 50


def send_and_leave(queue, numbers):
    """From an interpreter that is closed after some letters, and a next one."""
    start = numbers.start
    while start < numbers.stop:
        stop = min(start + random.randint(5, 60), numbers.stop)
        interpreter = create("isolated")
        interpreter.call(letters.send, queue, start, stop)
        queue.adopt()
        close(interpreter)
        start = stop


def receive_and_leave(queue, total, found):
    while len(found) < total:
        interpreter: interpreters.Interpreter = create("isolated")
        found += interpreter.call(letters.receive, queue, random.randint(5, 60))
        queue.adopt()
        close(interpreter)
