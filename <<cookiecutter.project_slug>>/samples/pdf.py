"""Reading PDF documents with pypdf. Import this inside a task only, to keep the web small.

pypdf bounds what a page may ask for (some seconds of work, 75 MB from one stream); the number of pages is bounded here,
the time for all of them by the pool's timeout.
"""

import logging
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pypdf import PdfReader
from pypdf.errors import DependencyError, LimitReachedError, PyPdfError

from samples.errors import DocumentTooLarge, PasswordRequired, UnreadableDocument, UnsupportedEncryption
from samples.limits import limits
from samples.text import storable

# pypdf reports damage through its own errors and whatever its parsers run into.
DAMAGE = (
    PyPdfError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    EOFError,
    RuntimeError,
    struct.error,
    zlib.error,
)

# A line for every oddity of every page, some of them pages long: a damaged document would fill the log.
logging.getLogger("pypdf").setLevel(logging.CRITICAL)


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
                text = self.reader.pages[index].extract_text()
            yield text


@contextmanager
def opened(path: Path) -> Iterator[Document]:
    """The document, decrypted where its password is empty.

    Raises UnreadableDocument, DocumentTooLarge, PasswordRequired or UnsupportedEncryption.
    """
    with path.open("rb") as file:
        with _damage_as_unreadable("its structure"):
            document = _document(PdfReader(file))
        yield document


def _document(reader: PdfReader) -> Document:
    if reader.is_encrypted and not reader.decrypt(""):
        raise PasswordRequired("This PDF is protected by a password. Save a copy without one and upload that.")
    pages = len(reader.pages)
    if pages > limits().document_pages:
        raise DocumentTooLarge(f"This PDF has {pages:,} pages; at most {limits().document_pages:,} are read.")
    information: Mapping[str, object] = reader.metadata or {}
    title, author = (storable(str(information.get(key) or "")) for key in ("/Title", "/Author"))
    return Document(reader, pages, reader.is_encrypted, title, author)


@contextmanager
def _damage_as_unreadable(where: str) -> Iterator[None]:
    try:
        yield
    except DependencyError as error:
        raise UnsupportedEncryption(
            "This PDF is encrypted with AES, which needs the library pycryptodome on the server. "
            "Install it, or save a copy without encryption and upload that."
        ) from error
    except LimitReachedError as error:
        raise DocumentTooLarge(
            f"This PDF asks for too much work at {where} ({storable(str(error))}). Split it or simplify it."
        ) from error
    except DAMAGE as error:
        raise UnreadableDocument(
            f"This PDF is damaged at {where} ({storable(str(error))}). Print it to a new PDF and upload that."
        ) from error
