"""What a request costs: processor time by kind of thread, beside Granian's processes and the shortest way there is.

    python -m benchmarks.web_cost [PATH [CONNECTIONS]]     /bench/hello, 16: a minute; needs wrk

The `granian` command with two processes, this project and `others/prototype.py`, in turns of a second; µs of processor
time and switches of threads for each request, as the kernel counts them. Last the medians, and those of the ratios of
each turn, which say more than those of the rates: the machine is another one from minute to minute.
"""

import contextlib
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.server import running
from benchmarks.web import other
from benchmarks.wrk import wrk

ROUNDS, SECONDS = 10, 1
OF_GRANIAN = "Granian, 2 × 2"
GRANIAN = "granian --interface wsgi --workers 2 --blocking-threads 2 --no-ws --port PORT config.wsgi:application"


def tree(pid: int) -> list[int]:
    """A process and its children."""
    lists = [(thread / "children").read_text().split() for thread in Path(f"/proc/{pid}/task").iterdir()]
    return [pid, *(int(child) for children in lists for child in children)]


def spent(pid: int) -> Counter[str]:
    """Nanoseconds by kind of thread, and switches, since the start."""
    found: Counter[str] = Counter()
    for process in tree(pid):
        for thread in Path(f"/proc/{process}/task").iterdir():
            with contextlib.suppress(OSError):
                name = (thread / "comm").read_text().strip()
                kind = "main" if thread.name == str(pid) else "web" if re.match(r"web-|Thread-", name) else "the rest"
                found[kind] += int((thread / "schedstat").read_text().split()[0])
                found["switches"] += sum(
                    map(int, re.findall(r"ctxt_switches:\s+(\d+)", (thread / "status").read_text()))
                )
    return found


def listener(url: str) -> int:
    """The process that was started for this address."""
    pattern = f"(--port|prototype) {url.rpartition(':')[2]}"
    return int(subprocess.run(["pgrep", "-of", pattern], capture_output=True, text=True, check=True).stdout)


@contextlib.contextmanager
def servers() -> Iterator[dict[str, tuple[str, int]]]:
    """By name: address and process."""
    with (
        running(WEB_INTERPRETERS="2", WEB_THREADS="2") as server,
        other(server, *GRANIAN.split()) as of_granian,
        other(server, "benchmarks.others.prototype", "PORT") as of_prototype,
    ):
        yield {
            OF_GRANIAN: (of_granian, listener(of_granian)),
            "this project": (server.url, server.process.pid),
            "the prototype": (of_prototype, listener(of_prototype)),
        }


def main(path: str = "/bench/hello", connections: int = 16) -> None:
    rates: dict[str, list[float]] = defaultdict(list)
    costs: dict[str, list[Counter[str]]] = defaultdict(list)
    with servers() as started:
        for url, _ in started.values():
            wrk(url + path, connections, 1)
        for number in range(1, ROUNDS + 1):
            for name, (url, pid) in started.items():
                before = spent(pid)
                load = wrk(url + path, connections, SECONDS)
                rates[name].append(load.rate)
                costs[name].append(Counter({k: v / load.rate / SECONDS for k, v in (spent(pid) - before).items()}))  # type: ignore[misc]
                print(
                    f"{number:2}  {name:<15} {load.rate:6.0f}/s, p99 {load.p99:5.1f} ms: {told(costs[name][-1])}",
                    flush=True,
                )
    for name, each in rates.items():
        ratio = median(own / other for own, other in zip(each, rates[OF_GRANIAN], strict=True))
        cost = Counter({kind: median(cost[kind] for cost in costs[name]) for kind in costs[name][0]})  # type: ignore[misc]
        print(f"medians: {name:<15} {median(each):6.0f}/s, {ratio:.2f} of Granian: {told(cost)}")


def told(cost: Counter[str]) -> str:
    parts = {kind: time for kind, time in sorted(cost.items()) if kind != "switches"}
    text = ", ".join(f"{kind} {time / 1000:.0f}" for kind, time in parts.items())
    return f"{sum(parts.values()) / 1000:.0f} µs ({text}), {cost['switches']:.1f} switches"


if __name__ == "__main__":
    main(*(int(word) if word.isdecimal() else word for word in sys.argv[1:]))  # type: ignore[arg-type]
