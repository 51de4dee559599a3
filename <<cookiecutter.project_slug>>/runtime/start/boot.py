"""What an interpreter does before the others start, and is then closed: settings, checks, migrations, static files."""

import contextlib
import hashlib
import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runtime.http.static import find_static_files
from runtime.shared.plan import Plan, StartError, parse_interpreters
from runtime.start.explain import in_one_line
from runtime.start.refusals import failed_checks, refuse_without_libpq

MIGRATION_LOCK = int.from_bytes(b"migrate")  # an advisory lock of PostgreSQL's has a number
LOOK_EVERY = 0.2  # seconds, for a node that waits for it


def read_plan() -> dict[str, Any]:
    """The settings that the server needs (Plan.as_dict), or {"error": one line} where one is wrong."""
    from django.core.exceptions import ImproperlyConfigured

    try:
        return _plan().as_dict()
    except (ImproperlyConfigured, StartError, OSError) as error:  # the last: of a secret key that cannot be stored
        return {"error": " ".join(str(error).split())}
    except (Exception, SystemExit) as error:  # a mistake in the settings
        return {"error": in_one_line(error, "boot")}


def _plan() -> Plan:
    from django.conf import settings

    from tasks.house.retention import retention
    from tasks.live import live_key
    from tasks.table.memory_sizes import memory_sizes

    database = str(settings.DATABASES["default"]["ENGINE"]).rpartition(".")[2]
    if database == "postgresql":
        refuse_without_libpq()
    retention(settings.TASKS)  # wrong options stop the start
    queues = tuple(
        dict.fromkeys(queue for backend in settings.TASKS.values() for queue in backend.get("QUEUES", ["default"]))
    )
    web, workers, problems = parse_interpreters(settings.INTERPRETERS, queues)
    in_memory = memory_sizes(settings.TASKS)
    if in_memory and "workers" not in settings.ROLES:
        in_memory = ()
        problems.append("This node runs no workers (ROLES): what is enqueued to InterpreterQueueBackend is refused.")
    return Plan(
        base_dir=str(settings.BASE_DIR), data_dir=str(settings.DATA_DIR), debug=settings.DEBUG,
        database=database, host=settings.HOST, port=settings.PORT, roles=settings.ROLES,
        shutdown_timeout=settings.SHUTDOWN_TIMEOUT, memory_limit=settings.MEMORY_LIMIT,
        max_request_body=settings.MAX_REQUEST_BODY, trusted_proxies=settings.TRUSTED_PROXIES,
        log_format=settings.LOG_FORMAT, queues=queues, web=web, workers=workers, problems=tuple(problems),
        database_address=database_address(), database_file=str(settings.DATABASES["default"]["NAME"]),
        memory_queues=in_memory, live_key=live_key(), ssl_cert=settings.SSL_CERT, ssl_key=settings.SSL_KEY,
        ssl_content=_digest(settings.SSL_CERT, settings.SSL_KEY),
    )  # fmt: skip


def _digest(*paths: str) -> str:
    """Of what is in these files; of those that cannot be read the server tells at its start."""
    with contextlib.suppress(OSError):
        return hashlib.sha256(b"".join(Path(path).read_bytes() for path in paths if path)).hexdigest()
    return ""


def database_address() -> str:
    """Where PostgreSQL is and how to get in, as libpq takes it; "" with SQLite."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return ""
    from psycopg.conninfo import make_conninfo
    from psycopg.pq import Conninfo

    known = {option.keyword.decode() for option in Conninfo.get_defaults()}
    parameters = connection.get_connection_params()
    return make_conninfo(**{name: value for name, value in parameters.items() if name in known})


def prepare(node: str = "", boot: str = "") -> dict[str, Any]:
    """Bring database and files to the state that the code needs; free what earlier boots of this node held.

    At a reload there are none, and no node is given. Returns {"error": …} where a check fails, or the database or the
    disk takes nothing, else {"recovered": {queue: number}, "first_account": path or "", "static": what main answers
    by itself}.
    """
    import django

    try:
        django.setup()
        errors = failed_checks()
    except (Exception, SystemExit) as error:
        return {"error": in_one_line(error, "boot")}
    if errors:
        return {"error": "\n".join(errors)}
    from django.db import InterfaceError, OperationalError

    try:
        return _prepare(node, boot)
    except (OSError, OperationalError, InterfaceError) as error:
        return {"error": f"Database and files cannot be prepared: {' '.join(str(error).split())}"}


def _prepare(node: str, boot: str) -> dict[str, Any]:
    from django.conf import settings
    from django.core.management import call_command

    from accounts.first import first_account_path
    from tasks.table.recovery import recover

    (settings.DATA_DIR / "media").mkdir(exist_ok=True)
    with _one_node_at_a_time():
        call_command("migrate", interactive=False, verbosity=0)
        collect_static()
    static = find_static_files() if "web" in settings.ROLES else {}
    if not boot:
        return {"static": static}
    link = first_account_path() if "web" in settings.ROLES else None
    return {"recovered": recover(node, boot), "first_account": link or "", "static": static}


@contextlib.contextmanager
def _one_node_at_a_time() -> Iterator[None]:
    """Nodes that start together would make the same tables and static files, and fail.

    They ask again and again: who waits for the lock within a statement holds up CREATE INDEX CONCURRENTLY.
    """
    from django.db import Error, connection

    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        while not cursor.execute("SELECT pg_try_advisory_lock(%s)", [MIGRATION_LOCK]).fetchone()[0]:
            time.sleep(LOOK_EVERY)
        try:
            yield
        finally:
            try:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])
            except Error:  # the session has gone meanwhile, and the lock with it
                connection.close()


def collect_static() -> bool:
    """Collect and compress the static files if their sources have changed; development serves them from the sources."""
    from django.conf import settings
    from django.contrib.staticfiles.finders import get_finders
    from django.core.management import call_command

    if settings.DEBUG:
        return False
    paths = sorted(storage.path(path) for finder in get_finders() for path, storage in finder.list([]))
    state = "".join(f"{path} {Path(path).stat().st_mtime_ns} {Path(path).stat().st_size}\n" for path in paths)
    stamp = Path(settings.STATIC_ROOT) / ".collected"
    state = hashlib.sha256(state.encode()).hexdigest()  # the stamp is served like the other files there
    if stamp.exists() and stamp.read_text() == state:
        return False
    call_command("collectstatic", interactive=False, verbosity=0, stdout=io.StringIO())
    stamp.write_text(state)
    return True


def give_back(boot: str) -> int:
    """Return the tasks that this boot could not finish to the queue; how many they are."""
    import django

    django.setup()
    from django.db import connection

    from tasks.table.recovery import release

    # Well within GIVING_BACK (shutdown.py), and what cannot be given back is freed at the next start.
    patience = "timeout" if connection.vendor == "sqlite" else "connect_timeout"
    connection.settings_dict["OPTIONS"][patience] = 1
    return release(boot)
