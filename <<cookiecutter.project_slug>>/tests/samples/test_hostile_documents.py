"""Documents that are damaged, or made to do damage: read where pypdf can mend them, else a named error for people."""

import random
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from samples.errors import DocumentTooLarge, SampleError, UnreadableDocument
from samples.tasks import parse_document

type MakePdf = Callable[..., bytes]
type Upload = Callable[[bytes], str]


@pytest.fixture
def parse(upload: Upload, new_context: Callable[[], Any]) -> Callable[[bytes], Any]:
    return lambda content: parse_document.func(new_context(), upload(content))


OPEN, CLOSE = b"<" * 2, b">" * 2  # of a dictionary; written so that no template engine takes them for its own


def dictionary(content: bytes) -> bytes:
    return OPEN + b" " + content + b" " + CLOSE


CATALOG = dictionary(b"/Type /Catalog /Pages 2 0 R")
HELVETICA = dictionary(b"/Type /Font /Subtype /Type1 /BaseFont /Helvetica")
RESOURCES = dictionary(b"/XObject " + dictionary(b"/X 4 0 R") + b" /Font " + dictionary(b"/F " + HELVETICA))
SOME_TEXT = b"BT /F 12 Tf (x) Tj ET "  # without any, pypdf does not look at a page


def pdf(*objects: bytes) -> bytes:
    """A document of hand-written objects, numbered from 1; the first is the catalog. Without a table of them."""
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (number, content) for number, content in enumerate(objects, start=1))
    trailer = dictionary(b"/Root 1 0 R /Size %d" % (len(objects) + 1))
    return b"%PDF-1.7\n" + body + b"trailer\n" + trailer + b"\nstartxref\n0\n%%EOF\n"


def page_with(content: bytes, extra: bytes = b"") -> bytes:
    return pdf(
        CATALOG,
        dictionary(b"/Type /Pages /Kids [3 0 R] /Count 1"),
        dictionary(b"/Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] /Contents 4 0 R /Resources " + RESOURCES),
        dictionary(b"%s /Length %d" % (extra, len(content))) + b"\nstream\n" + content + b"\nendstream",
    )


@pytest.mark.parametrize(
    "damage", [(rb"startxref\s+\d+", b"startxref\n7"), (rb"\d{10} \d{5} n", b"0000000001 00000 n")]
)
def test_a_broken_table_of_objects_is_rebuilt(
    parse: Callable[[bytes], Any], pdf_file: MakePdf, damage: tuple[bytes, bytes]
) -> None:
    result = parse(re.sub(*damage, pdf_file(5, title="Mended")))
    assert (result["pages"], result["title"]) == (5, "Mended")
    assert result["characters"] >= 5 * len("This is page 1.")


@pytest.mark.parametrize("content", [b"%PDF-1.7", b"%PDF-1.7\n" + bytes(2000), b"%PDF-1.7\n" + b"x" * 2000, b"no PDF"])
def test_nothing_but_a_signature(parse: Callable[[bytes], Any], content: bytes, media: Path) -> None:
    with pytest.raises(UnreadableDocument, match="is damaged at its structure"):
        parse(content)
    assert not list(media.glob("documents/*/*"))


def test_random_damage_gives_a_result_or_a_named_error(parse: Callable[[bytes], Any], pdf_file: MakePdf) -> None:
    content = pdf_file(3)
    chance = random.Random("documents")
    outcomes = set()
    for _ in range(300):
        damaged = bytearray(content[: chance.randrange(len(content) // 3, len(content) * 2)])
        for _ in range(chance.randrange(1, 40)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            outcomes.add(type(parse(bytes(damaged))))
        except SampleError as error:
            outcomes.add(type(error))
    assert {dict, UnreadableDocument} <= outcomes <= {dict, UnreadableDocument, DocumentTooLarge}


HOSTILE = {
    "a tree of pages that contains itself": (
        UnreadableDocument,
        pdf(CATALOG, dictionary(b"/Type /Pages /Kids [2 0 R 2 0 R] /Count 9")),
    ),
    "arrays in arrays": (
        UnreadableDocument,
        pdf(dictionary(b"/Type /Catalog /Pages " + b"[" * 100_000 + b"]" * 100_000)),
    ),
    "dictionaries in dictionaries": (UnreadableDocument, pdf((OPEN + b" /A ") * 50_000 + CLOSE * 50_000)),
    "a reference to itself": (UnreadableDocument, pdf(b"1 0 R")),
    "a string without an end": (UnreadableDocument, page_with(SOME_TEXT + b"(" * 2_000_000)),
    "a stream that swells to a hundred megabytes": (
        DocumentTooLarge,
        page_with(zlib.compress(zlib.compress(bytes(10**8), 9), 9), b"/Filter [/FlateDecode /FlateDecode]"),
    ),
    "more operations than a person draws": (DocumentTooLarge, page_with(SOME_TEXT + b"q Q " * 1_100_000)),
    "a number of a million digits": (DocumentTooLarge, page_with(SOME_TEXT + b"9" * 1_000_000 + b" w")),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(parse: Callable[[bytes], Any], name: str) -> None:
    error, content = HOSTILE[name]
    with pytest.raises(error, match=r"This PDF .*\. (Print it to a new PDF|Split it)"):
        parse(content)


def test_a_form_that_draws_itself_is_drawn_once(parse: Callable[[bytes], Any]) -> None:
    assert parse(page_with(SOME_TEXT + b"/X Do " * 1000, b"/Type /XObject /Subtype /Form"))["characters"] == 2


def test_a_page_count_of_billions_is_not_believed(parse: Callable[[bytes], Any]) -> None:
    content = pdf(CATALOG, dictionary(b"/Type /Pages /Kids [] /Count 99999999999"))
    assert parse(content)["pages"] == 0
