"""Reading PDF documents with pypdf, within bounds. Import this inside a task only, to keep the web small."""

import logging
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pypdf import PdfReader, apply_configuration
from pypdf.errors import DependencyError, LimitReachedError, PyPdfError

from samples.errors import DocumentTooLarge, PasswordRequired, UnreadableDocument, UnsupportedEncryption
from samples.limits import limits

METADATA_LENGTH = 500  # characters

# What one stream may blow up to, and how many operations of it are looked at: some seconds of work for a page.
BOUNDS: dict[str, Any] = {
    "zlib_maximum_output_length": 50_000_000,
    "lzw_maximum_output_length": 50_000_000,
    "stream_decoding_work_maximum_length": 100_000_000,
    "stream_parsing_work_maximum_count": 1_000_000,
    "xform_maximum_invocations_per_extraction": 500,
}

# One line for every oddity of every page: a damaged document would fill the log.
logging.getLogger("pypdf").setLevel(logging.ERROR)


@dataclass
class Document:
    reader: PdfReader
    pages: int
    encrypted: bool
    title: str
    author: str

    def texts(self) -> Iterator[str]:
        """The text of each page, in order. Raises UnreadableDocument or DocumentTooLarge."""
        for index in range(self.pages):
            with _damage_as_unreadable(f"page {index + 1}"):
                text = storable(self.reader.pages[index].extract_text())
            yield text


@contextmanager
def opened(path: Path) -> Iterator[Document]:
    """The document, decrypted where its password is empty.

    Raises UnreadableDocument, DocumentTooLarge, PasswordRequired or UnsupportedEncryption.
    """
    with path.open("rb") as file, apply_configuration(**BOUNDS):
        with _damage_as_unreadable("its structure"):
            document = _document(PdfReader(file))
        yield document


def storable(text: str) -> str:
    """The text without what neither UTF-8 nor PostgreSQL stores: lone surrogates and NUL."""
    return text.replace("\0", "").encode(errors="replace").decode()


def _document(reader: PdfReader) -> Document:
    if reader.is_encrypted and not reader.decrypt(""):
        raise PasswordRequired("This PDF is protected by a password. Save a copy without one and upload that.")
    pages = len(reader.pages)
    if pages > limits().document_pages:
        raise DocumentTooLarge(f"This PDF has {pages:,} pages; at most {limits().document_pages:,} are read.")
    information: Mapping[str, object] = reader.metadata or {}
    title, author = (storable(str(information.get(key) or ""))[:METADATA_LENGTH] for key in ("/Title", "/Author"))
    return Document(reader, pages, reader.is_encrypted, title, author)


@contextmanager
def _damage_as_unreadable(where: str) -> Iterator[None]:
    """pypdf reports damage through its own errors and whatever its parsers run into."""
    try:
        yield
    except DependencyError as error:
        raise UnsupportedEncryption(
            "This PDF is encrypted with AES, which needs the library pycryptodome on the server. "
            "Install it, or save a copy without encryption and upload that."
        ) from error
    except LimitReachedError as error:
        raise DocumentTooLarge(
            f"This PDF asks for too much work at {where} ({error}). Split it or simplify it."
        ) from error
    except (PyPdfError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise _unreadable(where, error) from error
    except (AssertionError, RecursionError, NotImplementedError, EOFError, struct.error, zlib.error) as error:
        raise _unreadable(where, error) from error


def _unreadable(where: str, error: Exception) -> UnreadableDocument:
    return UnreadableDocument(f"This PDF is damaged at {where} ({error}). Print it to a new PDF and upload that.")
