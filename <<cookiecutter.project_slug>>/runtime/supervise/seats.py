"""How many seats the board needs: a thread sits on one as long as it lives, and those that were abandoned for good."""

from runtime.shared.plan import Plan
from runtime.supervise.overrun import MOST_ABANDONED


def seats_needed(plan: Plan) -> int:
    """Seats for every thread of every pool at its most, three times.

    A successor sits down before the old one gets up, and an old one may have a long task to finish. And for those that
    will never get up, the abandoned ones. The last two seats are the housekeeper's and main's.
    """
    full = sum(pool.most * pool.threads for pool in plan.pools)
    return 3 * full + MOST_ABANDONED * widest(plan) + 2


def seats_to_change(old: Plan, new: Plan) -> int:
    """The fewest seats with which one plan can follow the other: both side by side, and one successor at a time."""
    names = dict.fromkeys(pool.name for pool in (*old.pools, *new.pools))
    pools = [[pool for plan in (old, new) if (pool := plan.pool(name))] for name in names]
    full = sum(max(pool.most for pool in each) * max(pool.threads for pool in each) for each in pools)
    return full + (1 + MOST_ABANDONED) * max(widest(old), widest(new)) + 2


def widest(plan: Plan) -> int:
    """Threads of the pool that has most in one interpreter."""
    return max((pool.threads for pool in plan.pools), default=0)
