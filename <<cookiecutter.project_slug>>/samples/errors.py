"""Why a task fails. The message goes to the person who uploaded the file: it says what to do."""


class SampleError(Exception):
    """The input cannot be worked on; trying again changes nothing."""


class StorageFull(SampleError):
    """The disk takes no more, or nothing at all."""


class UploadMissing(SampleError):
    """The uploaded file has been deleted since."""


class UnreadableImage(SampleError):
    """Truncated, damaged, or not an image at all."""


class ImageTooLarge(SampleError):
    """More pixels than the limit."""


class UnreadableDocument(SampleError):
    """Damaged beyond what the PDF library can mend."""


class DocumentTooLarge(SampleError):
    """More pages, text or work than the limit."""


class PasswordRequired(SampleError):
    """Encrypted with a password that is not empty."""


class UnsupportedEncryption(SampleError):
    """Encrypted in a way that no installed library can decrypt."""
