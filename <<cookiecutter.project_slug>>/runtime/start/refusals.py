"""What is known to break, each refused with one line that says what to change. An old Python: __init__.py."""

from runtime.shared.plan import StartError

NO_LIBPQ = (
    "DATABASE_URL asks for PostgreSQL, and psycopg does not find the library libpq: "
    "install it (Debian, Ubuntu: apt install libpq5; Alpine: apk add libpq; macOS: brew install libpq)."
)
# Django's own text says that Pillow is not installed.
IMAGE_FIELD = (
    "{}: an ImageField needs Pillow in the web, whose interpreters refuse it: use a FileField and open the image in a "
    'task, or set INTERPRETERS["web"]["interpreter"] to "legacy", and all requests share one GIL.'
)


def refuse_tracemalloc() -> None:
    import tracemalloc  # not above: isolated interpreters refuse it, and import this module

    if tracemalloc.is_tracing():
        raise StartError(
            "tracemalloc crashes a process that closes interpreters: "
            "start it without -X tracemalloc and without PYTHONTRACEMALLOC."
        )


def refuse_without_libpq() -> None:
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise StartError(NO_LIBPQ if "libpq library not found" in str(error) else f"PostgreSQL: {error}") from error


def failed_checks() -> list[str]:
    """What Django's own checks call an error, a line each. They import the URLs, and so the views."""
    from django.core.checks import Error, run_checks

    errors = [problem for problem in run_checks() if isinstance(problem, Error) and not problem.is_silenced()]
    return [IMAGE_FIELD.format(e.obj) if e.id == "fields.E210" else " ".join(str(e).split()) for e in errors]
