"""The document task, held against what pypdf says of the same files."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdf
import pytest
from pytest_django import Settings

from samples.errors import DocumentTooLarge, PasswordRequired, UnsupportedEncryption
from samples.tasks import parse_document

type MakePdf = Callable[..., bytes]
type Upload = Callable[[bytes], str]
type Stored = Callable[[str], Path]


@pytest.fixture
def parse(upload: Upload, context: Any) -> Callable[[bytes], Any]:
    return lambda content: parse_document.func(context, upload(content))


def encrypted(content: bytes, algorithm: str = "RC4-128", password: str = "") -> bytes:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(content))
    writer.encrypt(password, owner_password="owner", algorithm=algorithm)
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def test_what_a_document_says_of_itself(parse: Callable[[bytes], Any], stored: Stored, pdf_file: MakePdf) -> None:
    content = pdf_file(3, title="Größe & Maß", author="Łucja O'Neill")
    result = parse(content)
    texts = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages]
    assert stored(result.pop("text_url")).read_text() == "".join(f"{text}\f" for text in texts)
    assert result == {
        "pages": 3,
        "encrypted": False,
        "title": "Größe & Maß",
        "author": "Łucja O'Neill",
        "characters": sum(map(len, texts)),
    }


def test_progress_goes_page_by_page(parse: Callable[[bytes], Any], context: Any, pdf_file: MakePdf) -> None:
    assert parse(pdf_file(200))["pages"] == 200
    assert context.reports == [(number, 200) for number in range(1, 201)]


def test_a_document_without_information(parse: Callable[[bytes], Any]) -> None:
    writer = pypdf.PdfWriter()
    writer.add_blank_page(200, 200)
    writer.metadata = None
    file = io.BytesIO()
    writer.write(file)
    result = parse(file.getvalue())
    assert (result["pages"], result["title"], result["author"], result["characters"]) == (1, "", "", 0)


def test_what_no_database_stores_is_left_out(parse: Callable[[bytes], Any], pdf_file: MakePdf) -> None:
    result = parse(pdf_file(title="a\0b", author="x" * 501))
    assert result["title"] == "ab"
    assert result["author"] == "x" * 500


@pytest.mark.parametrize("algorithm", ["RC4-40", "RC4-128"])
def test_encrypted_with_an_empty_password(
    parse: Callable[[bytes], Any], stored: Stored, pdf_file: MakePdf, algorithm: str
) -> None:
    result = parse(encrypted(pdf_file(2, title="Locked"), algorithm))
    assert (result["encrypted"], result["pages"], result["title"]) == (True, 2, "Locked")
    assert "This is page 2." in stored(result["text_url"]).read_text()


def test_encrypted_with_a_password(parse: Callable[[bytes], Any], pdf_file: MakePdf, media: Path) -> None:
    with pytest.raises(PasswordRequired, match="Save a copy without one"):
        parse(encrypted(pdf_file(), password="secret"))
    assert not list(media.glob("documents/*/*"))


@pytest.mark.parametrize("algorithm", ["AES-128", "AES-256"])
def test_aes_is_opened_where_a_library_for_it_is_installed(
    parse: Callable[[bytes], Any], stored: Stored, pdf_file: MakePdf, algorithm: str
) -> None:
    result = parse(encrypted(pdf_file(2), algorithm))
    assert result["encrypted"]
    assert "This is page 2." in stored(result["text_url"]).read_text()


def test_aes_without_a_library_says_so(
    parse: Callable[[bytes], Any], pdf_file: MakePdf, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pypdf._crypt_providers import _fallback

    monkeypatch.setattr("pypdf._encryption.CryptAES", _fallback.CryptAES)
    with pytest.raises(UnsupportedEncryption, match="pycryptodome"):
        parse(as_aes(encrypted(pdf_file(title="Locked"))))


def dictionary(content: bytes) -> bytes:
    return b"<" * 2 + content + b">" * 2  # written so that no template engine takes them for its own


def as_aes(content: bytes) -> bytes:
    """Let an RC4 file claim AES (the keys are made alike): no library is needed to write it."""
    method = b"/CFM /AESV2 /AuthEvent /DocOpen /Length 16"
    filters = b"/V 4 /CF " + dictionary(b"/StdCF " + dictionary(method)) + b" /StmF /StdCF /StrF /StdCF"
    changed = content.replace(b"/V 2", filters).replace(b"/R 3", b"/R 4")
    assert changed.count(b"/AESV2") == 1
    return changed


def test_too_many_pages(parse: Callable[[bytes], Any], pdf_file: MakePdf, settings: Settings) -> None:
    settings.SAMPLES = {"document_pages": 2}
    assert parse(pdf_file(2))["pages"] == 2
    with pytest.raises(DocumentTooLarge, match="3 pages; at most 2"):
        parse(pdf_file(3))


def test_too_much_text(parse: Callable[[bytes], Any], pdf_file: MakePdf, settings: Settings, media: Path) -> None:
    settings.SAMPLES = {"document_characters": 20}
    with pytest.raises(DocumentTooLarge, match="more than 20 characters"):
        parse(pdf_file(2))
    assert not list(media.glob("documents/*/*"))


def test_a_second_attempt_replaces_the_first(
    upload: Upload, new_context: Callable[[], Any], pdf_file: MakePdf, media: Path
) -> None:
    upload_id = upload(pdf_file(2))
    assert parse_document.func(new_context(), upload_id) == parse_document.func(new_context(), upload_id)
    assert [path.name for path in media.glob("documents/*/*")] == ["text.txt"]
