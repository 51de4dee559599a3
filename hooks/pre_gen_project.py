"""Refuse a slug that Python could not use as a name, or that would hide a module."""

import importlib.util
import keyword
import re
import sys

SLUG = "<< cookiecutter.project_slug >>"
OWN = {"accounts", "config", "main", "manage", "ops", "runtime", "samples", "tasks", "tests"}
INSTALLED = {
    "axe_playwright_python", "brotli", "cronsim", "django", "environ", "granian", "httpx", "hypothesis", "mypy", "PIL",
    "pip", "playwright", "prometheus_client", "psycopg", "pypdf", "pytest", "pytest_django", "reportlab", "ruff",
    "setuptools", "uvloop", "whitenoise",
}  # fmt: skip


def problem(slug):
    """What is wrong with the slug, or None."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", slug) or keyword.iskeyword(slug):
        return "is not a Python identifier in lower case"
    if slug in OWN:
        return "is the name of a package inside the project"
    if slug in INSTALLED or slug in sys.builtin_module_names or slug in getattr(sys, "stdlib_module_names", ()):
        return "hides a module of that name"
    if importlib.util.find_spec(slug) is not None:
        return "hides an installed module of that name"
    return None


found = problem(SLUG)
if found:
    sys.exit(
        f"project_slug {SLUG!r} {found}: type another one, for example my_{re.sub('[^a-z0-9_]+', '_', SLUG.lower())}."
    )
