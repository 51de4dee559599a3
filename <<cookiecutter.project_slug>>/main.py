"""The server: web and background tasks in one process, each in interpreters of their own. `python main.py --help`."""

import signal
import sys

signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the supervisor hears it: the code is only being read

import asyncio

from runtime.http.bridge import Bridge
from runtime.http.server import Server
from runtime.observe.health import Health
from runtime.observe.inquiry import show_stack
from runtime.observe.storage import Storage
from runtime.questions.check import check
from runtime.questions.status import show_status
from runtime.shared.board import Board
from runtime.shared.descriptors import Wakeups, raise_limit
from runtime.shared.memory_queue import MemoryQueue
from runtime.shared.node import Node
from runtime.shared.plan import Plan, StartError
from runtime.start.command import Boot, announce, parse_arguments, take_data_dir
from runtime.supervise.reload import Reload
from runtime.supervise.seats import seats_needed
from runtime.supervise.shutdown import leave, run, run_until_stopped
from runtime.supervise.supervisor import Supervisor


async def serve(plan: Plan, boot: Boot, node: Node) -> int:
    """Run the server until it is told to stop; returns the exit code."""
    raise_limit()
    board = Board(plan.queues, seats_needed(plan))
    wakeups = Wakeups.make(plan.queues, board.seats, MemoryQueue.make_all(plan.memory_queues))
    health = Health(board, wakeups.housekeeper, Storage(plan))
    bridge = Bridge(plan, health.answers, health.metrics.web)
    supervisor = Supervisor(plan, node, board, wakeups, bridge, health)
    server = Server(bridge, plan.host, plan.port, plan.ssl_cert, plan.ssl_key)
    node.write(address=server.address)

    async def start() -> None:
        server.start()  # /healthz answers from here on, and requests wait
        await health.storage.wait()
        state = await asyncio.to_thread(boot.prepare, node.id, supervisor.boot)
        bridge.static.take(state["static"])
        await supervisor.start(state["recovered"])
        Reload(supervisor, boot).start()
        announce(plan, server.address, state)

    return await leave(server, supervisor, await run_until_stopped(start(), supervisor.worn_out))


def main() -> int | str:
    arguments = parse_arguments()
    try:
        with Boot(arguments) as boot:
            plan = boot.read_plan()
            if arguments.check:
                return check(plan)
            if arguments.command == "status":
                return show_status(plan)
            if arguments.command == "stack":
                return show_stack(plan, arguments.task, arguments.seconds)
            return run(serve(plan, boot, take_data_dir(plan)))
    except StartError as error:
        return str(error)


if __name__ == "__main__":
    sys.exit(main())
