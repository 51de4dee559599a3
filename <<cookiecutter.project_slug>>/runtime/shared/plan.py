"""What is to run: the settings that the server needs, checked as a whole, as plain data for the main interpreter."""

from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

type Kind = Literal["isolated", "legacy", "main"]

KINDS = ("isolated", "legacy", "main")


class StartError(Exception):
    """The server cannot start; the text says why and what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebPool:
    """The interpreters that answer requests."""

    count: int = 2
    threads: int = 2
    interpreter: Kind = "isolated"
    max_requests: int = 0  # then the interpreter is replaced; 0: never
    request_timeout: float = 30  # seconds; then 504
    canary: float = 3  # seconds that the first new interpreter of a reload is watched beside the old ones; 0: not

    name = "web"
    target = "runtime.web.loop:run"

    @property
    def least(self) -> int:
        """How many interpreters of the pool there are at any time."""
        return self.count

    @property
    def most(self) -> int:
        return self.count


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPool:
    """The interpreters that run the tasks of some queues."""

    name: str
    queues: tuple[str, ...]
    count: tuple[int, int] = (1, 1)  # least, most
    idle: float = 60  # seconds without work after which an interpreter above the least is closed
    threads: int = 1
    interpreter: Kind = "isolated"
    timeout: float = 0  # seconds for a task; 0: no limit
    max_tasks: int = 0  # then the interpreter is replaced; 0: never
    max_growth: int = 0  # objects over those at its start, then it is replaced; 0: never

    target = "tasks.worker.loop:run"

    @property
    def least(self) -> int:
        return self.count[0]

    @property
    def most(self) -> int:
        return self.count[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that the main interpreter knows of the settings."""

    base_dir: str
    data_dir: str
    debug: bool
    database: str  # "sqlite3" or "postgresql"
    host: str
    port: int
    roles: tuple[str, ...]
    shutdown_timeout: float  # seconds
    memory_limit: int  # bytes; 0: the container's, else none
    max_request_body: int  # bytes
    trusted_proxies: tuple[str, ...]
    log_format: str
    queues: tuple[str, ...]
    web: WebPool
    workers: tuple[WorkerPool, ...]
    problems: tuple[str, ...] = field(default=())  # worth a warning at start
    database_address: str = field(default="", repr=False)  # PostgreSQL's, as libpq takes it, with the password; else ""
    database_file: str = ""  # SQLite's
    live_key: str = field(default="", repr=False)  # what addresses of live pages are signed with (tasks/live.py)
    ssl_cert: str = ""  # paths; "": HTTP
    ssl_key: str = ""
    ssl_content: str = ""  # a digest of these two files
    memory_queues: tuple[tuple[str, int], ...] = ()  # name, and how many tasks may wait or run (shared/memory_queue.py)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Plan:
        web, workers = WebPool(**data.pop("web")), tuple(WorkerPool(**pool) for pool in data.pop("workers"))
        return cls(**data, web=web, workers=workers)

    @property
    def data_path(self) -> Path:
        return Path(self.data_dir)

    @property
    def pools(self) -> tuple[WebPool | WorkerPool, ...]:
        """The pools that this node runs."""
        web = (self.web,) if "web" in self.roles else ()
        return web + (self.workers if "workers" in self.roles else ())

    def pool(self, name: str) -> WebPool | WorkerPool | None:
        """The pool of this name; None where there is none."""
        return next((pool for pool in self.pools if pool.name == name), None)


def parse_interpreters(setting: Any, queues: tuple[str, ...]) -> tuple[WebPool, tuple[WorkerPool, ...], list[str]]:
    """INTERPRETERS of the settings as pools, with warnings. Raises StartError for what cannot be carried out."""
    if not isinstance(setting, dict) or not set(setting) <= {"web", "workers"}:
        raise StartError('INTERPRETERS: allowed is {"web": {…}, "workers": {POOL: {…}}}.')
    web = _pool(WebPool, "web", setting.get("web", {}))
    pools = setting.get("workers", {})
    if not isinstance(pools, dict):
        raise StartError('INTERPRETERS["workers"]: allowed is {POOL: {…}}.')
    workers = tuple(_worker_pool(name, options) for name, options in pools.items())
    for pool in workers:
        if strange := set(pool.queues) - set(queues):
            raise StartError(
                f'INTERPRETERS["workers"]["{pool.name}"]: no backend in TASKS has the queue {min(strange)}.'
            )
    unserved = set(queues) - {queue for pool in workers for queue in pool.queues}
    problems = [f"No pool in INTERPRETERS serves the queue {queue}." for queue in sorted(unserved)]
    if workers and not any(pool.count[0] for pool in workers):
        first = replace(workers[0], count=(1, workers[0].count[1]))
        workers = (first, *workers[1:])
        problems.append(f"One interpreter of the pool {first.name} always runs: somebody must keep time for all pools.")
    return web, workers, problems


def _worker_pool(name: str, options: Any) -> WorkerPool:
    where = f'INTERPRETERS["workers"]["{name}"]'
    if name == "web" or not isinstance(name, str) or not name.isidentifier():
        raise StartError(f"{where}: a pool's name is an identifier, and not web.")
    queues = options.get("queues") if isinstance(options, dict) else None
    if not queues or not isinstance(queues, (list, tuple)) or not all(isinstance(queue, str) for queue in queues):
        raise StartError(f'{where}: "queues" is missing: a list of names.')
    count = options.get("count", (1, 1))
    least, most = count if isinstance(count, (tuple, list)) and len(count) == 2 else (count, count)
    if not (isinstance(least, int) and isinstance(most, int) and 0 <= least <= most <= 64 and most):
        raise StartError(f'{where}["count"]: allowed is a number from 1 to 64, or (least, most).')
    options = options | {"name": name, "count": (least, most), "queues": tuple(queues)}
    return _pool(WorkerPool, f'workers"]["{name}', options)


def _pool[P: WebPool | WorkerPool](pool: type[P], name: str, options: dict[str, Any]) -> P:
    where = f'INTERPRETERS["{name}"]'
    if not isinstance(options, dict):
        raise StartError(f"{where}={options!r}: allowed is a dictionary of options.")
    names = {f.name: f.type for f in fields(pool)}
    for option, value in options.items():
        if option not in names:
            raise StartError(f'{where}["{option}"]: no such option; there are {", ".join(names)}.')
        if names[option] in (int, float) and not is_number(value, whole=names[option] is int):
            kind = "whole number" if names[option] is int else "number"
            raise StartError(f'{where}["{option}"]={value!r}: allowed is a {kind}, 0 or more.')
    if options.get("interpreter", "isolated") not in KINDS:
        raise StartError(f'{where}["interpreter"]={options["interpreter"]!r}: allowed is {" or ".join(KINDS)}.')
    for option in ("threads", "count"):
        if options.get(option) == 0:
            raise StartError(f'{where}["{option}"]=0: allowed is 1 or more.')
    return pool(**options)


def is_number(value: Any, *, whole: bool) -> bool:
    return isinstance(value, int if whole else (int, float)) and not isinstance(value, bool) and value >= 0
