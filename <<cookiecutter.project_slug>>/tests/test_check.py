"""`main.py --check`, and what a start refuses, on the project with an application that does what one should not."""

import ast
import subprocess
import sys

import pytest

from tests.server import PROJECT, environment, run_main, running

SETTINGS = "from tests.site.settings import *\nINSTALLED_APPS = [*INSTALLED_APPS, 'shop']\n"
OWN_URLS = "ROOT_URLCONF = 'shop.urls'\n"
VIEWS = (
    "import jwt\nfrom django.http import HttpResponse\ndef index(request): return HttpResponse('opened by Pillow')\n"
)
URLS = """
from django.urls import path
from shop import views
from tests.site.urls import urlpatterns
urlpatterns = [path("shop/", views.index), *urlpatterns]
"""


@pytest.fixture
def shop(tmp_path):
    """shop(**modules) writes an application and settings that use it; the environment of a server that does."""

    def write(settings: str = "", **modules: str) -> dict[str, str]:
        files = {f"shop/{name}.py": text for name, text in ({"__init__": ""} | modules).items()}
        library = {"site-packages/jwt/__init__.py": "from PIL import Image\n"}  # a library that needs another one
        for name, text in (files | library | {"shop_settings.py": SETTINGS + settings}).items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return {"DJANGO_SETTINGS_MODULE": "shop_settings", "PYTHONPATH": f"{tmp_path}:{tmp_path}/site-packages"}

    return write


def check(folder, variables):
    result = run_main(folder / "data", "--check", **variables)
    assert "Traceback" not in result.stdout + result.stderr
    assert all(len(line) <= 80 or len(line.split()) == 1 for line in result.stdout.splitlines())  # or a long path
    return result


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """What the project's own check prints, as the words of each line by the first one."""
    result = check(tmp_path_factory.mktemp("check"), {"SQLITE_SYNCHRONOUS": "full"})
    assert result.returncode == 0, result.stdout + result.stderr
    return {words[0]: words for line in result.stdout.splitlines() if (words := line.split())}


def test_each_pool_loads_in_an_interpreter_of_its_kind(table):
    pools = {name: table[name] for name in ("web", "critical", "default", "exports", "images")}

    assert [words[1] for words in pools.values()] == ["isolated"] * 4 + ["legacy"]
    assert {words[-1] for words in pools.values()} == {"loads"}
    assert all(float(words[2]) > 50 and float(words[3]) > 10 and int(words[4]) > 300 for words in pools.values())


@pytest.mark.parametrize(
    ("library", "kind", "users"),
    [
        ("django", "isolated", "every pool"),
        ("pillow", "legacy", "-"),
        ("pypdf", "isolated", "-"),
        ("granian", "legacy", "the server"),
        ("uvloop", "main", "the server"),  # loads in one `legacy` interpreter, but not in the one that replaces it
    ],
)
def test_each_library_has_a_line_with_its_place_and_its_cost(table, library, kind, users):
    _, _version, milliseconds, megabytes, where, *by = table[library]

    assert (where, " ".join(by)) == (kind, users)
    assert float(milliseconds) > 1
    assert float(megabytes) > 0.1


def test_the_pragmas_in_force_are_read_back(table):
    assert table["database"][1] == "SQLite"
    assert table["journal_mode"][1:] == ["wal"]
    assert table["synchronous"][1:] == ["full"]
    assert table["busy_timeout"][1:] == ["20000"]
    assert table["foreign_keys"][1:] == ["on"]


def test_tools_are_not_in_it(table):
    assert not {"pytest", "ruff", "mypy", "httpx", "hypothesis"} & table.keys()


def test_what_refuses_is_named_with_those_who_pull_it_in_and_with_the_pool_that_takes_it(tmp_path, shop):
    result = check(tmp_path, shop(OWN_URLS, urls=URLS, views=VIEWS, tasks="import uvloop\n"))

    assert result.returncode == 1
    lines = " ".join(result.stdout.partition("to change\n")[2].split())
    assert "web ← shop.views ← jwt ← PIL PIL._imaging loads only in" in lines
    assert 'The pool images takes it: import it inside a task with queue_name="images".' in lines
    assert "critical, default, exports, images ← shop.tasks ← uvloop uvloop.loop loads only in" in lines
    assert 'Give a pool of INTERPRETERS "interpreter": "main", and import it inside a task of that pool.' in lines


def test_other_mistakes_are_told_with_their_place(tmp_path, shop):
    images = "from django.db import models\nclass Photo(models.Model):\n    image = models.ImageField()\n"
    result = check(tmp_path, shop(tasks="1 / 0\n", models=images))

    assert result.returncode == 1
    lines = " ".join(result.stdout.partition("to change\n")[2].split())
    assert "shop.tasks: ZeroDivisionError: division by zero" in lines
    assert "shop/tasks.py, line 1)" in lines
    assert "shop.Photo.image: an ImageField needs Pillow in the web, whose interpreters refuse it" in lines


def test_a_task_that_is_declared_wrongly_is_told_with_its_own_place(tmp_path, shop):
    tasks = "from django.tasks import task\n@task(queue_name='defualt')\ndef add(): ...\n"
    result = check(tmp_path, shop(tasks=tasks))

    lines = " ".join(result.stdout.partition("to change\n")[2].split())
    assert 'There is no queue "defualt"' in lines
    assert "shop/tasks.py, line 2)" in lines


def test_a_task_module_that_does_not_load_stops_no_other(tmp_path, shop):
    with running(tmp_path / "data", **shop(tasks="from PIL import Image\n")) as server:
        server.wait_for_text(r"shop.tasks does not load. default \u2190 shop.tasks \u2190 PIL: PIL._imaging refuses")
        assert server.wait_for_task(server.enqueue("add", 1, 2))["result"] == 3


def test_a_start_with_views_that_do_not_load_is_refused_with_one_line(tmp_path, shop):
    variables = shop(OWN_URLS, urls=URLS, views=VIEWS) | {"LOG_FORMAT": "text"}
    result = run_main(tmp_path / "data", "--port", "0", **variables)

    assert result.returncode == 1
    (line,) = [line for line in result.stderr.splitlines() if "could not start" in line]
    assert "boot ← shop.views ← jwt ← PIL: PIL._imaging refuses this kind of interpreter. Import it inside" in line
    assert "Traceback" not in result.stderr


def test_a_web_of_another_kind_starts_with_views_that_need_it(tmp_path, shop):
    settings = OWN_URLS + "INTERPRETERS['web']['interpreter'] = 'legacy'\n"
    with running(tmp_path / "data", **shop(settings, urls=URLS, views=VIEWS)) as server:
        assert server.client.get("/shop/").text == "opened by Pillow"


@pytest.mark.parametrize("arguments", [[], ["--check"]])
@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ("nonsense\n", "NameError: name 'nonsense' is not defined"),
        ("def (\n", "SyntaxError: invalid syntax (shop_settings.py, line 3)"),
        ("raise SystemExit('no')\n", "SystemExit: no"),
        ("import PIL.Image\n", "boot ← shop_settings ← PIL: PIL._imaging refuses this kind of interpreter."),
    ],
)
def test_wrong_settings_are_refused_with_one_line(tmp_path, shop, arguments, settings, line):
    result = run_main(tmp_path / "data", *arguments, **shop(settings))

    assert result.returncode == 1
    assert result.stderr.startswith(line)
    assert len(result.stderr.splitlines()) == 1


def test_postgresql_without_libpq_is_refused_with_one_line(tmp_path):
    without = "import ctypes.util\nctypes.util.find_library = lambda name: None\n"
    (tmp_path / "sitecustomize.py").write_text(without)
    address = "postgres://user:password@localhost:5432/shop"
    result = run_main(tmp_path / "data", DATABASE_URL=address, PYTHONPATH=str(tmp_path))

    assert result.returncode == 1
    assert result.stderr.startswith("DATABASE_URL asks for PostgreSQL, and psycopg does not find the library libpq")
    assert "apt install libpq5" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_an_older_python_is_refused_with_one_line(tmp_path):
    code = "import runpy, sys; sys.version_info = (3, 13); runpy.run_path('main.py', run_name='__main__')"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, env=environment(tmp_path), capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip

    assert result.returncode == 1
    assert result.stderr.startswith("Python 3.14 or newer is needed, and ")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", ["main.py", "runtime/__init__.py"])
def test_an_older_python_can_read_what_refuses_it(name):
    ast.parse((PROJECT / name).read_text(), feature_version=(3, 8))
