"""One line for what does not import: who pulls it in, or where the mistake is."""

from importlib import import_module

import pytest

from runtime.start.explain import chain, in_one_line, is_refusal, refused

REFUSES = "raise ImportError('module {} does not support loading in subinterpreters')\n"


@pytest.fixture
def error_of(tmp_path, monkeypatch):
    """error_of(name, **modules) writes modules, those of libraries with a leading `lib_`, and imports one."""
    libraries = tmp_path / "site-packages"
    libraries.mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(libraries)

    def write_and_import(name: str, **modules: str) -> Exception:
        for module, text in modules.items():
            folder = libraries if module.startswith("lib_") else tmp_path
            path = folder / (module.replace("__", "/") + ".py")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        with pytest.raises(Exception) as caught:  # noqa: PT011  whatever it is
            import_module(name)
        return caught.value.with_traceback(caught.tb.tb_next)  # without this frame

    return write_and_import


def test_modules_of_the_project_are_named_and_libraries_by_their_package(error_of):
    error = error_of(
        "one.views",
        one__views="import one.helpers\n",
        one__helpers="def load():\n    import lib_a.api\nload()\n",
        lib_a__api="import lib_a.inner\n",
        lib_a__inner="import lib_b\n",
        lib_b=REFUSES.format("lib_b._c"),
    )

    assert chain(error) == ["one.views", "one.helpers", "lib_a", "lib_b"]
    assert refused(error) == "lib_b._c"
    assert in_one_line(error, "web").startswith("web ← one.views ← one.helpers ← lib_a ← lib_b: lib_b._c refuses this")


def test_an_extension_module_that_the_project_imports_itself_is_named_by_its_package(error_of):
    error = error_of("two", two=REFUSES.format("lib_c._core"))

    assert chain(error) == ["two", "lib_c"]


def test_urls_are_left_out_where_they_only_lead_on(error_of):
    leads_on = error_of("three.urls", three__urls="import three.views\n", three__views=REFUSES.format("lib_c._core"))
    imports = error_of("four.urls", four__urls=REFUSES.format("lib_c._core"))

    assert chain(leads_on) == ["three.views", "lib_c"]
    assert chain(imports) == ["four.urls", "lib_c"]


@pytest.mark.parametrize("again", ["raise ImportError('d is broken') from e", "raise ValueError('d is broken')"])
def test_a_refusal_that_a_library_tells_in_words_of_its_own_is_one(error_of, again):
    name = f"lib_d{len(again)}"
    text = f"try:\n    import {name}_core\nexcept ImportError as e:\n    {again}\n"
    error = error_of(
        "five" + name, **{"five" + name: f"import {name}\n", name: text, f"{name}_core": REFUSES.format("x")}
    )

    assert is_refusal(error)
    assert refused(error) == "x"
    assert chain(error) == ["five" + name, name, f"{name}_core"]


@pytest.mark.parametrize(
    "text",
    [
        "Interpreter change detected - this module can only be loaded into one interpreter per process.",
        "PyO3 modules do not yet support subinterpreters",
        "cannot load module more than once per process",
    ],
)
def test_extension_modules_that_load_only_once_refuse_too(text):
    assert is_refusal(ImportError(text))


def test_any_other_error_is_told_with_its_place(error_of, tmp_path):
    error = error_of("six", six="\nimport nothing_of_that_name\n")

    assert not is_refusal(error)
    assert in_one_line(error, "web") == (
        f"ModuleNotFoundError: No module named 'nothing_of_that_name' ({tmp_path}/six.py, line 2)"
    )
