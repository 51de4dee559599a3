"""How often what has died is started again: pauses that grow, and a budget.

An interpreter that keeps dying costs the others nothing but its starts, so they go on, further and further apart. Only
where nothing serves any more, and did before in this process, is a fresh process better: whatever it is that kills
them may be in this one. Code that has never come up here would not come up there.
"""

import time
from collections.abc import Sequence

from runtime.interpreter.host import Host
from runtime.shared.plan import Plan

FIRST_PAUSE = 0.1  # seconds before an interpreter that has died is started again; doubled each time …
LONGEST_PAUSE = 30.0  # … up to this
GOOD_LIFE = 60.0  # seconds; an interpreter that dies after them counts as the first one
MOST_IN_A_ROW = 16  # of interpreters of one name in a row, without a good life: some four minutes


class Restarts:
    """Counts the deaths in a row by name."""

    def __init__(self) -> None:
        self.deaths: dict[str, int] = {}
        self.have_served: set[str] = set()  # pools that had a ready interpreter in this process

    def pause_before(self, host: Host) -> float:
        """Count a death; the seconds until the successor is started."""
        had_good_life = time.monotonic() - host.started > GOOD_LIFE
        deaths = self.deaths[host.name] = 1 if had_good_life else self.deaths.get(host.name, 0) + 1
        return min(FIRST_PAUSE * 2.0 ** min(deaths - 1, MOST_IN_A_ROW), LONGEST_PAUSE)

    def are_spent(self, host: Host, plan: Plan, hosts: Sequence[Host]) -> bool:
        """Whether the process should be started afresh: the budget is spent, and it serves no more."""
        names = {"web"} if "web" in plan.roles else {pool.name for pool in plan.pools if pool.least}  # what it is for
        serves = any(other.ready for other in hosts if other.assignment.pool in names)
        return self.deaths.get(host.name, 0) >= MOST_IN_A_ROW and bool(names & self.have_served) and not serves
