"""Taking in a body: what stays in memory, what goes to a file, what is refused."""

import asyncio
import errno
import os
import resource
from types import SimpleNamespace

import pytest

from runtime.http.body import BATCH, IN_MEMORY, BodyIncomplete, BodyTooLarge, discard, has_body, receive

LIMIT = 4 * 1024 * 1024


class Upload:
    """The part of RSGI's protocol that gives the body, with the headers that come before it."""

    def __init__(self, *chunks, **headers):
        self.chunks = list(chunks)
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.read = 0

    @classmethod
    def of(cls, content, size=70000):
        chunks = [content[start : start + size] for start in range(0, len(content), size)]
        return cls(*chunks, content_length=str(len(content)))

    async def __call__(self):
        content = b"".join([chunk async for chunk in self])
        if len(content) != int(self.headers["content-length"]):
            raise RuntimeError("RSGI transport is closed")
        return content

    async def __aiter__(self):
        for chunk in self.chunks:
            self.read += len(chunk)
            yield chunk


def take(upload, folder, limit=LIMIT, version="1.1", method="POST"):
    scope = SimpleNamespace(http_version=version, method=method)
    if not has_body(scope, upload.headers):
        return b""
    return asyncio.run(receive(upload, upload.headers, limit, folder))


def content_of(body):
    if isinstance(body, bytes):
        return body
    descriptor, length = body
    with open(descriptor, "rb") as file:
        content = file.read()
    assert len(content) == length
    return content


@pytest.fixture(autouse=True)
def all_descriptors_are_closed():
    before = len(os.listdir("/proc/self/fd"))
    yield
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_request_without_a_body_is_not_waited_for(tmp_path):
    upload = Upload(b"not read")

    assert take(upload, tmp_path) == b""
    assert upload.read == 0


@pytest.mark.parametrize("length", [0, 1, IN_MEMORY])
def test_a_small_body_stays_in_memory(tmp_path, length):
    content = os.urandom(length)

    assert take(Upload.of(content), tmp_path) == content


def test_a_small_body_needs_no_disk(tmp_path):
    assert take(Upload.of(b"small"), tmp_path / "missing") == b"small"


@pytest.mark.parametrize("length", [IN_MEMORY + 1, BATCH, BATCH + 1, LIMIT])
def test_a_large_body_goes_to_a_file(tmp_path, length):
    content = os.urandom(length)
    body = take(Upload.of(content), tmp_path)

    assert isinstance(body, tuple)
    assert content_of(body) == content


def test_the_file_has_no_name(tmp_path):
    body = take(Upload.of(bytes(LIMIT)), tmp_path)

    assert list(tmp_path.iterdir()) == []
    discard(body)


@pytest.mark.parametrize("length", [0, 1, IN_MEMORY, IN_MEMORY + 1, LIMIT])
def test_a_body_of_unknown_length_is_taken_as_it_comes(tmp_path, length):
    content = os.urandom(length)
    upload = Upload.of(content)
    upload.headers = {"transfer-encoding": "chunked"}
    body = take(upload, tmp_path)

    assert isinstance(body, bytes) is (length <= IN_MEMORY)
    assert content_of(body) == content


def test_one_that_says_it_is_too_large_is_not_read(tmp_path):
    upload = Upload(b"x" * 1000, content_length=str(LIMIT + 1))

    with pytest.raises(BodyTooLarge):
        take(upload, tmp_path)
    assert upload.read == 0


def test_one_of_unknown_length_is_read_up_to_the_limit(tmp_path):
    upload = Upload(*[bytes(100000)] * 1000, transfer_encoding="chunked")

    with pytest.raises(BodyTooLarge):
        take(upload, tmp_path)
    assert LIMIT < upload.read <= LIMIT + 100000


def test_a_small_limit_holds_for_small_bodies_too(tmp_path):
    with pytest.raises(BodyTooLarge):
        take(Upload.of(b"12345"), tmp_path, limit=4)
    with pytest.raises(BodyTooLarge):
        take(Upload(b"12345", transfer_encoding="chunked"), tmp_path, limit=4)


@pytest.mark.parametrize("length", [IN_MEMORY, LIMIT])
def test_one_whose_client_leaves_in_the_middle_is_not_taken_for_whole(tmp_path, length):
    upload = Upload.of(bytes(length))
    upload.chunks.pop()

    with pytest.raises(BodyIncomplete):
        take(upload, tmp_path)


def test_a_full_disk_is_an_error_that_leaves_nothing_open(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (BATCH, limits[1]))
    try:
        with pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
            take(upload := Upload.of(bytes(LIMIT)), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert upload.read == LIMIT, "the client may send all of it, and then reads the answer"


def test_a_full_disk_does_not_make_it_read_for_ever(tmp_path):
    (tmp_path / "gone").write_bytes(b"")
    with pytest.raises(OSError, match=os.strerror(errno.ENOTDIR)):
        take(upload := Upload(*[bytes(100_000)] * 100, transfer_encoding="chunked"), tmp_path / "gone")
    assert LIMIT < upload.read < LIMIT + 200_000


def test_a_body_that_nobody_reads_is_closed(tmp_path):
    body = take(Upload.of(bytes(LIMIT)), tmp_path)
    discard(body)
    discard(b"one in memory has nothing to close")

    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        os.fstat(body[0])


def test_chunks_that_broke_off_end_with_two_empty_parts(tmp_path):
    with pytest.raises(BodyIncomplete):
        take(Upload(bytes(1000), b"", b"", transfer_encoding="chunked"), tmp_path)


@pytest.mark.parametrize(("method", "expected"), [("POST", b"hello"), ("GET", b"")])
def test_in_http2_a_body_need_not_be_announced(tmp_path, method, expected):
    assert take(Upload(b"hello", b"", b""), tmp_path, version="2", method=method) == expected
