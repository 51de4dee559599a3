from typing import IO, TYPE_CHECKING, Any, TypedDict

from django.tasks import task

from samples.errors import DocumentTooLarge
from samples.files import existing_upload, full_disk_explained, result_folder, url_of, written_whole
from samples.limits import limits

if TYPE_CHECKING:
    from samples.pdf import Document

PAGE_BREAK = "\f"  # as pdftotext writes it


class DocumentResult(TypedDict):
    pages: int
    encrypted: bool
    title: str
    author: str
    characters: int  # of all pages, without the page breaks
    text_url: str


@task(takes_context=True)
@full_disk_explained()
def parse_document(context: Any, upload_id: str) -> DocumentResult:
    """The text of every page, in one file, and what the document says about itself.

    Raises UploadMissing, UnreadableDocument, DocumentTooLarge, PasswordRequired or UnsupportedEncryption.
    """
    from samples import pdf

    with pdf.opened(existing_upload(upload_id)) as document:
        path = result_folder("documents", upload_id) / "text.txt"
        with written_whole(path) as file:
            characters = _write_text(context, document, file)
    return {
        "pages": document.pages,
        "encrypted": document.encrypted,
        "title": document.title,
        "author": document.author,
        "characters": characters,
        "text_url": url_of(path),
    }


def _write_text(context: Any, document: Document, file: IO[bytes]) -> int:
    """Write page after page, reporting each, and return the number of characters."""
    characters = 0
    for number, text in enumerate(document.texts(), start=1):
        characters += len(text)
        if characters > limits().document_characters:
            raise DocumentTooLarge(f"This PDF has more than {limits().document_characters:,} characters. Split it.")
        file.write((text + PAGE_BREAK).encode(errors="replace"))
        context.progress(number, document.pages)
    return characters
