"""New code without a pause: SIGHUP, or a change of a file with --reload, replaces every interpreter by a new one.

The web comes first. If the first new interpreter does not start, or answers with errors that the old ones do not, it is
taken back and everything stays as it was.
"""

import asyncio
import logging
import time
from pathlib import Path

from runtime import changes
from runtime.command import Boot
from runtime.host import Host
from runtime.log import event
from runtime.plan import Plan, StartError
from runtime.supervisor import Supervisor, seats_needed

# What main has bound, opened or laid out once, so that a reload cannot change it.
FIXED = ("data_dir", "database", "database_address", "database_file", "host", "port", "roles", "queues", "memory_limit")


class Reload:
    """One reload at a time; what is asked for meanwhile is done once more afterwards."""

    def __init__(self, supervisor: Supervisor, boot: Boot) -> None:
        self.supervisor, self.boot = supervisor, boot

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
        started = time.monotonic()
        event("reloading")
        try:
            plan = await self._prepare() if careful else self.supervisor.plan
            await self._replace_all(plan, watched=careful and plan.web.canary > 0)
        except Exception as error:  # whatever the new code does, the old one serves on
            event("reload_failed", logging.ERROR, reason=" ".join(str(error).split()))
            return False
        event("reloaded", seconds=round(time.monotonic() - started, 3))
        return True

    async def _prepare(self) -> Plan:
        async with self.supervisor.create_one_at_a_time:
            plan = await asyncio.to_thread(self.boot.again)
        old = self.supervisor.plan
        if changed := [name for name in FIXED if getattr(plan, name) != getattr(old, name)]:
            raise StartError(f"{', '.join(changed)}: changed, which takes a restart.")
        if seats_needed(plan) > self.supervisor.board.seats:
            raise StartError("INTERPRETERS: more threads than at the start, which takes a restart.")
        return plan

    async def _replace_all(self, plan: Plan, *, watched: bool) -> None:
        old_plan, self.supervisor.plan = self.supervisor.plan, plan  # for the successors
        for host in sorted(self.supervisor.hosts, key=lambda host: not host.sockets):  # the web first
            look = self._do_as_well if watched and host.sockets else None
            if not await self.supervisor.replace(host, look) and self._serves(host):
                self.supervisor.plan = old_plan
                raise StartError(f"{host.name}: the new one did not start, or did worse. The old one serves on.")
            watched = watched and not host.sockets
        await self.supervisor.adopt(plan)

    def _serves(self, host: Host) -> bool:
        return host in self.supervisor.hosts and host.ready and not host.asked_to_stop

    async def _do_as_well(self, new: Host) -> bool:
        """Whether a new web interpreter answers with errors as seldom as the old ones beside it, for a while."""
        bridge = self.supervisor.bridge
        others = [host for host in self.supervisor.hosts if host.sockets and host is not new]
        before = [bridge.served(host) for host in others]
        await asyncio.sleep(self.supervisor.plan.web.canary)
        after = [bridge.served(host) for host in others]
        served, failed = (sum(b[n] - a[n] for a, b in zip(before, after, strict=True)) for n in (0, 1))
        new_served, new_failed = bridge.served(new)
        event("canary", interpreter=new.name, served=new_served, failed=new_failed, others=served, others_failed=failed)
        return self._serves(new) and (not new_failed or new_failed * served <= 2 * failed * new_served)
