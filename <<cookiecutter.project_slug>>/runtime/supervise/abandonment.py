"""Writing interpreters off that do not come back: they cannot be ended, so each is replaced and left to itself."""

import logging
import time
from typing import TYPE_CHECKING

from runtime.interpreter.host import Host
from runtime.interpreter.inside import Verdict
from runtime.observe.sight import Sight
from runtime.shared.board import Board, Cell, task_id
from runtime.shared.log import event
from runtime.supervise import overrun
from runtime.supervise.stillness import Stillness

if TYPE_CHECKING:
    from runtime.supervise.supervisor import Supervisor

LONGEST_START = 120.0  # seconds that an interpreter has to become ready: the project's imports are in it

NOT_ENDED = "It did not end when it was told to, as code in C (time.sleep) may not: its interpreter was abandoned."
STOOD_STILL = "The loop that held it stood still: its interpreter was abandoned."
NOT_STARTED = "did not start"


class Abandonment:
    """The part of the supervisor that gives up what lives, and looks for it."""

    def __init__(self, supervisor: Supervisor, board: Board) -> None:
        self.supervisor, self.board = supervisor, board
        self.stillness = Stillness(board)

    def look(self) -> None:
        supervisor = self.supervisor
        for host, tasks in overrun.overdue(self.board, supervisor.hosts):
            self._give_up_work(host, tasks)
        for host, seats in self.stillness.look(supervisor.hosts):
            self._give_up_loop(host, seats)
        for host in [host for host in supervisor.hosts if has_not_started(host)]:
            self._give_up(host, NOT_STARTED, supervisor.stacks.of_thread(host.thread))

    def _give_up_work(self, host: Host, tasks: dict[str, str]) -> None:
        """Tasks, by id and why, or requests ignore their end."""
        sights = self.supervisor.stacks.of_host(host)
        seats = [seat for seat in host.assignment.seats if task_id(self.board.seat(seat)) in tasks]
        self._clear(seats)
        self._judge(host, seats, NOT_ENDED, tasks, {sight.work.task: sight.text for sight in sights})
        self.supervisor.memory_tasks.lose(host, "it did not end when it was told to", tasks)
        self._give_up(host, "did not end", sights, tasks=",".join(tasks))

    def _give_up_loop(self, host: Host, seats: list[int]) -> None:
        """These threads stand still outside of a task or a request."""
        sights = self.supervisor.stacks.of_seats(seats)
        self._clear(seats)
        for seat in seats if host.sockets else []:
            self.supervisor.bridge.give_up(host, host.assignment.seats.index(seat))
        self._judge(host, seats, STOOD_STILL, {}, {})
        self._give_up(host, "stood still", sights)

    def _clear(self, seats: list[int]) -> None:
        """What a thread that never gets up has left there must hold nobody up; the housekeeper's seat is used again."""
        for seat in seats:
            row = self.board.seat(seat)
            row[Cell.GATE] = row[Cell.WRITING] = row[Cell.POOL] = row[Cell.MOVES_BY] = 0

    def _judge(self, host: Host, seats: list[int], reason: str, tasks: dict[str, str], stacks: dict[str, str]) -> None:
        """Tell its successor what is lost: all but what runs on other seats than these."""
        claim, others = host.assignment.claim, tuple(seat for seat in host.assignment.seats if seat not in seats)
        if not host.sockets:
            self.supervisor.judge(host, Verdict(claim=claim, reason=reason, tasks=tasks, stacks=stacks, seats=others))

    def _give_up(self, host: Host, reason: str, sights: list[Sight], **fields: str) -> None:
        """It keeps its seats and descriptors for ever, a successor gets its name.

        Its other threads, if it has any, are asked to leave when they have finished what they do. Nobody looks after
        them any more.
        """
        supervisor, stack = self.supervisor, "".join(sight.text for sight in sights)
        event("interpreter_abandoned", logging.ERROR, interpreter=host.name, reason=reason, **fields, stack=stack)
        supervisor.abandoned += 1
        supervisor.bridge.detach(host)
        supervisor.hosts.remove(host)
        host.stop()
        host.abandoned = True
        supervisor.changed.set()  # somebody may wait for its start
        if supervisor.abandoned > overrun.MOST_ABANDONED:
            supervisor.worn_out.set()
        else:
            supervisor.follow(host, 0)


def has_not_started(host: Host) -> bool:
    return host.thread is not None and not host.ready and time.monotonic() - host.started > LONGEST_START
