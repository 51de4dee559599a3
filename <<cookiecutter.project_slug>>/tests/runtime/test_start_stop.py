"""Whatever runs in the background is started and stopped in any order, twice, and before it was ever started."""

import asyncio
import itertools
import os
import time

import pytest

from runtime.http.bridge import Bridge
from runtime.memory_limit.guard import MemoryGuard
from runtime.observe.health import Health
from runtime.observe.storage import Storage
from runtime.shared.board import Board
from runtime.shared.descriptors import Wakeups
from runtime.shared.node import Node
from runtime.shared.plan import WorkerPool
from runtime.supervise.peers import Peers
from runtime.supervise.scaling import Scaling
from runtime.supervise.seats import seats_needed
from runtime.supervise.supervisor import Supervisor
from runtime.supervise.wakeup_socket import WakeupSocket
from tests.runtime.make import make_plan
from tests.runtime.on_loop import PATIENCE, cleanups, on_the_loop

ORDERS = [order for length in (1, 2, 3) for order in itertools.product(("start", "stop"), repeat=length)]
POOL = WorkerPool(name="default", queues=("default",), count=(0, 1))


class Stage:
    """Makes each kind of background loop, and says how it is started and stopped."""

    def __init__(self, folder):
        self.plan, self.folder = make_plan(folder, POOL, roles=("workers",)), folder
        self.wakeups, self.node = Wakeups.make(self.plan.queues), Node(folder, 1)

    def scaling(self):
        scaling = Scaling(Board(self.plan.queues, 4), self.wakeups.of, lambda pool: [])
        return lambda: scaling.start([POOL], lambda pool: None, lambda host: None), scaling.stop

    def memory(self):
        guard = MemoryGuard(2**40, Board(self.plan.queues, 4), [], asyncio.Event())
        return guard.start, guard.stop

    def socket(self):
        socket = WakeupSocket(self.folder / "server.sock", self.wakeups, lambda task, claim: None)
        return socket.listen, socket.close

    def peers(self):
        peers = Peers(self.plan, "node/boot", lambda message, number: None)
        return peers.start, peers.stop

    def supervisor(self):
        board = Board(self.plan.queues, seats_needed(self.plan))
        health = Health(board, self.wakeups.housekeeper, Storage(self.plan))
        bridge = Bridge(self.plan, health.answers, health.metrics.web)
        cleanups.append(bridge.waiting.close)
        supervisor = Supervisor(self.plan, self.node, board, self.wakeups, bridge, health)
        return supervisor.start, lambda: supervisor.stop(time.monotonic() + PATIENCE)

    def close(self):
        self.wakeups.close()
        os.close(self.node.descriptor)


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
@pytest.mark.parametrize("name", ["scaling", "memory", "socket", "peers", "supervisor"])
@on_the_loop
async def test_any_order_is_fine_and_leaves_nothing_running(tmp_path, name, order):
    stage = Stage(tmp_path)
    start, stop = getattr(stage, name)()
    for step in (*order, "stop"):
        done = (start if step == "start" else stop)()
        if asyncio.iscoroutine(done):
            await done

    left = asyncio.all_tasks() - {asyncio.current_task()}
    stage.close()
    assert not [task for task in left if not task.done() and not task.cancelling()]
