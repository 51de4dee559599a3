"""What main answers to other processes and to the web, and does for them, besides looking at a task (inquiry.py).

status NODE          the server at a glance, as JSON (overview.py)
history NODE         its last hour, as JSON (history.py)
recycle NODE NAME    replace an interpreter
kill NODE NAME       let one die: in development, to see it come back (ops/faults.py)

The node is named because all that share a DATA_DIR hear a question. What is "" was not for this one, or not done.
"""

import json
from typing import TYPE_CHECKING

from runtime.interpreter.host import Host
from runtime.observe.inquiry import Question
from runtime.observe.overview import Overview

if TYPE_CHECKING:
    from runtime.supervise.supervisor import Supervisor


class Answers:
    def __init__(self, supervisor: Supervisor, overview: Overview) -> None:
        self.supervisor, self.overview, self.node = supervisor, overview, overview.node

    @property
    def questions(self) -> dict[str, Question]:
        return {"status": self._status, "history": self._history, "recycle": self._recycle, "kill": self._kill}

    async def _status(self, node: str) -> str:
        if node != self.node:
            return ""
        await self.supervisor.health.have_counted()
        return json.dumps(self.overview.take())

    async def _history(self, node: str) -> str:
        return self.overview.history.as_json() if node == self.node else ""

    async def _recycle(self, node: str, name: str) -> str:
        """Says "yes" where it is done."""
        host = self._found(node, name)
        return "yes" if host and self.supervisor.renewal.recycle_one(host) else ""

    async def _kill(self, node: str, name: str) -> str:
        """As if its loop had ended by a fault."""
        host = self._found(node, name)
        if host is None or not self.supervisor.plan.debug:
            return ""
        self.supervisor.bridge.detach(host)
        host.stop_after_error()
        return "yes"

    def _found(self, node: str, name: str) -> Host | None:
        """The interpreter of this name that serves."""
        hosts = self.supervisor.hosts if node == self.node else []
        return next((host for host in hosts if host.name == name and host.serves), None)
