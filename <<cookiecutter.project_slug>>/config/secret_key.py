"""The SECRET_KEY of a server that was started without one: made once, kept in DATA_DIR."""

import os
import secrets
from pathlib import Path

LENGTH = 64


def stored_secret_key(folder: Path) -> str:
    """The key in `folder`/secret_key, made (mode 600) at the first call."""
    file = folder / "secret_key"
    if not file.exists():
        draft = folder / f".secret_key.{os.getpid()}.{secrets.token_hex(4)}"
        try:
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
                stream.write(secrets.token_urlsafe(LENGTH))
                stream.flush()
                os.fsync(stream.fileno())  # else a power cut may leave an empty file in its place
            file.hardlink_to(draft)  # fails where another process was first: then its key is the one
        except FileExistsError:
            pass
        finally:
            draft.unlink(missing_ok=True)
    return file.read_text().strip()
