"""PEP 3333, seen from the bridge: what an application answers, and the frames that this becomes."""

import logging
import os
import sys
import tempfile
from wsgiref.util import FileWrapper
from wsgiref.validate import validator

import pytest

from runtime.shared import frames
from runtime.shared.proxies import Proxies
from runtime.web.wsgi import ClientGone, Exchange
from tests.runtime.exchange import Guard, Parts, answering, ask, connected
from tests.runtime.make import make_request

WHOLE, FILE, HEAD, CHUNK, END, BROKEN = range(6)


@pytest.mark.parametrize("body", [[b"hello"], (b"hello",), [b"hel", b"lo"], [b"", b"hello"], [b"hello", b""]])
def test_a_body_in_parts_arrives_as_one(body):
    answer = ask(answering(body))

    assert (answer.status, answer.headers) == (200, [("Content-Type", "text/plain")])
    assert answer.body == b"hello"


@pytest.mark.parametrize("body", [[b"hello"], [], [b""]])
def test_a_list_of_one_part_or_none_is_one_frame(body):
    assert ask(answering(body)).kinds == [WHOLE]


def test_what_has_the_declared_length_is_one_frame():
    parts = Parts(b"hello")
    answer = ask(answering(parts, headers=[("content-length", "5")]))

    assert (answer.kinds, answer.body, parts.closed) == ([WHOLE], b"hello", 1)


def test_an_iterator_goes_out_part_by_part():
    answer = ask(answering(Parts(b"one", b"", b"two")))

    assert (answer.kinds, answer.body) == ([HEAD, CHUNK, CHUNK, END], b"onetwo")


def test_a_large_part_is_cut_to_frames():
    content = bytes(range(256)) * 2000
    answer = ask(answering([content], headers=[("content-length", str(len(content)))]))

    assert answer.body == content
    assert all(len(frame[1]) <= frames.CHUNK_SIZE for frame in answer.frames if frame[0] == CHUNK)


def test_an_application_may_be_a_generator():
    def application(environ, start_response):
        start_response("201 Created", [])
        yield b"hello"

    assert (ask(application).status, ask(application).body) == (201, b"hello")


def test_write_sends_before_what_is_returned():
    def application(environ, start_response):
        write = start_response("200 OK", [])
        write(b"one ")
        write(b"two ")
        return [b"three"]

    answer = ask(application)

    assert (answer.kinds[0], answer.body) == (HEAD, b"one two three")


def test_headers_may_come_twice():
    headers = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]

    assert ask(answering([b""], headers=headers)).headers == headers


@pytest.mark.parametrize("request_fields", [{"method": "HEAD"}, {}], ids=["HEAD", "GET"])
@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_some_statuses_have_no_body(request_fields, status):
    parts = Parts(b"hello")
    answer = ask(answering(parts, status=status), **request_fields)

    assert (answer.kinds, answer.body, parts.closed) == ([WHOLE], b"", 1)


def test_the_answer_to_head_has_the_headers_alone():
    parts = Parts(b"hello", b"world")
    answer = ask(answering(parts, headers=[("content-length", "10")]), method="HEAD")

    assert (answer.status, answer.headers, answer.body) == (200, [("content-length", "10")], b"")
    assert parts.closed == 1


@pytest.mark.parametrize(("method", "status"), [("HEAD", "200 OK"), ("GET", "204 No Content")])
def test_a_generator_that_starts_its_response_late_has_no_body_either(method, status):
    def application(environ, start_response):
        start_response(status, [("x-from", "generator")])
        yield b"hello"

    answer = ask(application, method=method)

    assert (answer.status, answer.headers, answer.body) == (int(status[:3]), [("x-from", "generator")], b"")


def test_what_is_written_in_answer_to_head_is_dropped():
    def application(environ, start_response):
        start_response("200 OK", [])(b"hello")
        return [b"world"]

    answer = ask(application, method="HEAD")

    assert (answer.kinds, answer.body) == ([HEAD, END], b"")


def test_the_head_may_be_replaced_until_it_is_sent():
    def application(environ, start_response):
        start_response("200 OK", [("x", "first")])
        try:
            raise ValueError
        except ValueError:
            start_response("500 Oh", [("x", "second")], sys.exc_info())
        return [b"sorry"]

    answer = ask(application)

    assert (answer.status, answer.headers, answer.body) == (500, [("x", "second")], b"sorry")


def test_once_the_head_is_sent_the_error_is_raised_again(caplog):
    def application(environ, start_response):
        start_response("200 OK", [])(b"some")
        try:
            raise ValueError("as asked")
        except ValueError:
            start_response("500 Oh", [], sys.exc_info())
        return [b"never"]

    answer = ask(application)

    assert answer.kinds == [HEAD, CHUNK, BROKEN]
    assert "ValueError: as asked" in caplog.text


def starts_twice(environ, start_response):
    start_response("200 OK", [])
    start_response("200 OK", [])
    return [b""]


def never_starts(environ, start_response):
    return [b"hello"]


def never_starts_and_streams(environ, start_response):
    return Parts(b"hello")


def never_starts_and_has_much(environ, start_response):
    return [bytes(2 * frames.CHUNK_SIZE)]


def fails(environ, start_response):
    raise RuntimeError("as asked")


@pytest.mark.parametrize(
    ("application", "reason"),
    [
        (starts_twice, "start_response was called twice without exc_info"),
        (never_starts, "the application has answered without calling start_response"),
        (never_starts_and_streams, "the application has answered without calling start_response"),
        (never_starts_and_has_much, "the application has answered without calling start_response"),
        (fails, "RuntimeError: as asked"),
    ],
)
def test_an_application_that_fails_before_its_head_is_a_500_and_the_reason_in_the_log(application, reason, caplog):
    with caplog.at_level(logging.ERROR, "server"):
        answer = ask(application, path="/where")

    assert (answer.kinds, answer.status) == ([WHOLE], 500)
    assert b"Server Error" in answer.body
    assert "the application has failed at /where" in caplog.text
    assert reason in caplog.text


def test_one_that_fails_in_the_middle_is_said_to_be_broken_and_is_closed(caplog):
    parts = Parts(b"some", error=OSError("disk"))
    answer = ask(answering(parts))

    assert (answer.kinds, parts.closed) == ([HEAD, CHUNK, BROKEN], 1)
    assert "OSError: disk" in caplog.text


@pytest.mark.parametrize("application", [answering([b"hello"]), answering(Parts(b"hello")), fails])
def test_the_body_of_the_request_is_closed_at_the_end(application, tmp_path):
    (tmp_path / "upload").write_bytes(b"12345")
    descriptor = os.open(tmp_path / "upload", os.O_RDONLY)
    ask(application, method="POST", body=(descriptor, 5))

    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_response_in_parts_tells_once_that_it_has_begun():
    told = []
    ask(answering(Parts(b"one", b"two")), on_head=lambda: told.append("begun"))

    assert told == ["begun"]


def test_a_request_that_was_given_up_is_ended():
    with connected() as (main, _, channel):
        Exchange(channel, make_request(), Proxies(), Guard()).end()

        assert frames.unpack(main.recv(frames.FRAME_SIZE)) == (BROKEN, 0, 0)


@pytest.mark.parametrize(("parts", "last"), [((), WHOLE), ((b"some",), END)])
def test_one_that_fails_at_its_close_has_answered_all_the_same(parts, last, caplog):
    answer = ask(answering(Parts(*parts, error_at_close=OSError("disk"))))

    assert (answer.kinds[-1], answer.status, answer.body) == (last, 200, b"".join(parts))
    assert "OSError: disk" in caplog.text


def test_once_the_client_has_left_nothing_more_is_made():
    parts = Parts(*[b"part"] * 1000000)
    answer = ask(answering(parts), client_leaves_after=3)

    assert answer.kinds[-1] == END
    assert len(list(parts.parts)) > 0
    assert parts.closed == 1


def test_a_file_from_the_disk_is_passed_on_by_its_path(tmp_path):
    path = tmp_path / "file.txt"
    path.write_bytes(b"content")
    file = path.open("rb")
    answer = ask(answering(FileWrapper(file)))

    assert answer.kinds == [FILE]
    assert answer.frames[0][3:] == (str(path), 0, 7)
    assert answer.headers == [("Content-Type", "text/plain"), ("Accept-Ranges", "bytes"), ("Content-Length", "7")]
    assert file.closed


def test_a_file_that_was_read_from_is_sent_from_there(tmp_path):
    path = tmp_path / "file.txt"
    path.write_bytes(b"content")
    file = path.open("rb")
    file.read(3)
    answer = ask(answering(FileWrapper(file)))

    assert answer.frames[0][3:] == (str(path), 3, 7)


def test_a_file_that_is_there_no_more_is_sent_by_its_content(tmp_path):
    path = tmp_path / "file.txt"
    path.write_bytes(b"content")
    file = path.open("rb")
    path.unlink()

    assert ask(answering(FileWrapper(file))).body == b"content"


@pytest.mark.parametrize(
    ("asked", "status", "content"), [([], 200, b"content"), ([("range", "bytes=2-4")], 206, b"nte")]
)
def test_a_file_that_the_close_of_its_response_deletes_is_sent_all_the_same(tmp_path, asked, status, content):
    path = tmp_path / "file.txt"
    path.write_bytes(b"content")
    wrapper = FileWrapper(path.open("rb"))
    close = wrapper.close
    wrapper.close = lambda: (close(), path.unlink())
    answer = ask(answering(wrapper), headers=[("host", "localhost"), *asked])

    assert (answer.kinds, answer.status, answer.body) == ([HEAD, CHUNK, END], status, content)
    assert ("Content-Length", str(len(content))) in answer.headers


def test_one_part_beside_a_length_that_is_not_its_own_is_not_taken_for_the_whole():
    def application(environ, start_response):
        start_response("200 OK", [("Content-Length", "10")])
        return [b"five."]

    assert ask(application).kinds == [HEAD, CHUNK, END]


def test_a_file_without_a_name_is_sent_by_its_content():
    with tempfile.TemporaryFile() as file:
        file.write(b"content")
        file.seek(0)

        assert ask(answering(FileWrapper(file))).body == b"content"


@pytest.mark.parametrize(
    "body", [lambda: [b"hello"], lambda: Parts(b"hel", b"lo"), lambda: iter([b"hello"])], ids=["list", "parts", "iter"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_the_validator_of_the_standard_library_has_no_complaint(body, method, caplog, capsys):
    def application(environ, start_response):
        environ["wsgi.input"].read(10)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return body()

    headers = [("host", "localhost"), ("content-length", "5"), ("content-type", "text/plain"), ("cookie", "a=1")]
    answer = ask(validator(application), method=method, headers=headers, body=b"12345", query="a=1")

    assert caplog.text == capsys.readouterr().err == ""
    assert (answer.status, answer.body) == (200, b"" if method == "HEAD" else b"hello")


def test_the_validator_has_no_complaint_about_write_and_a_replaced_head_either(caplog, capsys):
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/html")])
        try:
            raise ValueError
        except ValueError:
            write = start_response("500 Oh", [("Content-Type", "text/plain")], sys.exc_info())
        write(b"some")
        return [b"thing"]

    answer = ask(validator(application))

    assert caplog.text == capsys.readouterr().err == ""
    assert (answer.status, answer.body) == (500, b"something")


def test_the_validator_has_no_complaint_about_a_body_in_a_file(tmp_path, caplog, capsys):
    (tmp_path / "upload").write_bytes(b"one\ntwo\n")
    descriptor = os.open(tmp_path / "upload", os.O_RDONLY)

    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        stream = environ["wsgi.input"]
        return [stream.readline(), *stream]

    answer = ask(validator(application), method="POST", body=(descriptor, 8))

    assert caplog.text == capsys.readouterr().err == ""
    assert answer.body == b"one\ntwo\n"


def test_a_client_that_leaves_while_the_body_is_closed_ends_nothing_twice():
    class Body(Parts):
        def close(self):
            super().close()
            raise ClientGone

    assert ask(answering(Body(b"one", b"two"))).kinds == [HEAD, CHUNK, CHUNK, END]
