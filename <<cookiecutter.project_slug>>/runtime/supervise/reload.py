"""New code without a pause: SIGHUP, or a change of a file with --reload, replaces every interpreter by a new one.

SIGHUP prepares all that a start does, settings and migrations too; a change of a file replaces the code alone.

The web comes first. If the first new interpreter does not start, or answers with errors that the old ones do not, it is
taken back and everything stays as it was.
"""

import asyncio
import logging
import logging.config
import re
import time
from concurrent.interpreters import ExecutionFailed
from dataclasses import replace
from functools import partial
from pathlib import Path

from runtime.interpreter.host import Host
from runtime.shared import log
from runtime.shared.agreement import CHANGED, fingerprint
from runtime.shared.log import event
from runtime.shared.plan import Plan, StartError
from runtime.start.command import Boot
from runtime.supervise import changes
from runtime.supervise.renewal import Trial
from runtime.supervise.seats import seats_to_change
from runtime.supervise.supervisor import Supervisor

# What main has bound, opened or laid out once, so that a reload cannot change it: fields of the plan, and where they
# are set.
FIXED = {
    "host": "HOST",
    "port": "PORT",
    "ssl_cert": "SSL_CERT",
    "ssl_key": "SSL_KEY",
    "ssl_content": "the content of SSL_CERT and SSL_KEY",
    "roles": "ROLES",
    "data_dir": "DATA_DIR",
    "database": "DATABASE_URL",
    "database_address": "DATABASE_URL",
    "database_file": "DATABASE_URL",
    "memory_limit": "MEMORY_LIMIT",
    "queues": "QUEUES of TASKS",
    "memory_queues": "InterpreterQueueBackend of TASKS",
}


class Reload:
    """One reload at a time; what is asked for meanwhile is done once more afterwards."""

    def __init__(self, supervisor: Supervisor, boot: Boot) -> None:
        self.supervisor, self.boot = supervisor, boot
        self.one_at_a_time = asyncio.Lock()

    def start(self) -> None:
        self.supervisor.in_background(self._hear())
        if self.boot.arguments.reload:
            self.supervisor.in_background(self._watch_files(Path(self.supervisor.plan.base_dir)))

    async def _hear(self) -> None:
        while await self.supervisor.reload_asked.wait():
            self.supervisor.reload_asked.clear()
            await self.reload(careful=True)

    async def _watch_files(self, folder: Path) -> None:
        async for names in changes.of_files(folder, self.supervisor.plan.data_path):
            event("files_changed", names=", ".join(names[:5]))
            await self.reload(careful=False)

    async def reload(self, *, careful: bool) -> bool:
        """Replace every interpreter. With `careful` everything is prepared as at a start, and the first one watched."""
        async with self.one_at_a_time:
            started = time.monotonic()
            event("reloading")
            try:
                if await self.supervisor.off_the_loop(fingerprint) != self.supervisor.fingerprint:
                    raise StartError(CHANGED)
                plan = await self._prepare() if careful else replace(self.supervisor.plan)
                await self._replace_all(plan, watched=careful and plan.web.canary > 0)
            except Exception as error:  # whatever the new code does, the old one serves on
                event("reload_failed", logging.ERROR, reason=reason_of(error))
                return False
            event("reloaded", seconds=round(time.monotonic() - started, 3))
            return True

    async def _prepare(self) -> Plan:
        async with self.supervisor.create_one_at_a_time:
            plan, state = await self.supervisor.off_the_loop(partial(self.boot.again, self._accept))
            self.supervisor.bridge.static.take(state["static"])  # at once: the files on disk are the new ones
            return plan

    def _accept(self, plan: Plan) -> None:
        old = self.supervisor.plan
        changed = {where: None for name, where in FIXED.items() if getattr(plan, name) != getattr(old, name)}
        if changed:
            raise StartError(f"{', '.join(changed)}: changed, which takes a restart.")
        if seats_to_change(old, plan) > self.supervisor.board.seats:
            raise StartError("INTERPRETERS: so many more threads take a restart.")

    async def _replace_all(self, plan: Plan, *, watched: bool) -> None:
        renewal = self.supervisor.renewal
        trial = self._compare if watched else None
        while (host := self._next_old(plan)) is not None:
            if host.being_replaced:  # by recycling: its successor may have begun with the old code
                await self.supervisor.wait_for_change()
            elif host.thread is None:
                renewal.start_afresh(host, plan)
            else:
                await self._replace(host, plan, trial if host.sockets else None)
                trial = None if host.sockets else trial
        await renewal.adopt(plan)
        logging.config.dictConfig(log.configuration(plan.log_format))

    def _next_old(self, plan: Plan) -> Host | None:
        """The next interpreter to be replaced: one that was made for another plan. The web comes first."""
        hosts = [host for host in self.supervisor.hosts if not (host.asked_to_stop or host.on_trial)]
        old = [host for host in hosts if host.assignment.plan is not plan and plan.pool(host.assignment.pool)]
        return min(old, key=lambda host: not host.sockets, default=None)

    async def _replace(self, host: Host, plan: Plan, trial: Trial | None) -> None:
        flaw = await self.supervisor.renewal.replace(host, plan, trial)
        if flaw and host in self.supervisor.hosts and not host.asked_to_stop:
            raise StartError(f"{host.name}: {flaw.rstrip('.')}. The old one serves on.")

    async def _compare(self, new: Host) -> str:
        """Watch a new web interpreter beside the old ones: "" where it answers with errors as seldom as they do."""
        bridge = self.supervisor.bridge
        before = {host: bridge.served(host) for host in self.supervisor.hosts if host.sockets}
        await asyncio.sleep(self.supervisor.plan.web.canary)
        still = [host for host in before if host in self.supervisor.hosts]
        after = {host: bridge.served(host) for host in still}
        served, failed = (sum(after[host][n] - before[host][n] for host in still if host is not new) for n in (0, 1))
        new_served, new_failed = bridge.served(new)
        event("canary", interpreter=new.name, served=new_served, failed=new_failed, others=served, others_failed=failed)
        if not new_failed or new_failed * served <= 2 * failed * new_served:
            return ""
        return (
            f"its successor answered {new_failed} of {new_served} requests with an error, "
            f"the others {failed} of {served} in the same time"
        )


def reason_of(error: Exception) -> str:
    """One line. Where boot.py has not expected the error (a migration), with the place where it was raised."""
    if not isinstance(error, ExecutionFailed):
        return " ".join(str(error).split())
    places = re.findall(r'^  File "(.+)", line (\d+)', error.excinfo.errdisplay or "", re.MULTILINE)
    where = " ({}, line {})".format(*places[-1]) if places else ""
    return " ".join(str(error.excinfo.formatted).split()) + where
