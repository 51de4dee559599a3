"""Whatever a client sends reaches the application as it was sent, and the answer comes back as it was made.

What HTTP and Granian fold, and these tests therefore fold as well: names of headers have no case; the same name
several times becomes one variable, joined with a comma, cookies with a semicolon; white space around values goes;
percent signs of the path are decoded once; Granian sends response headers of one name together. Values that are not
ASCII and paths that are not UTF-8 are refused (test_requests.py).
"""

import json
import string
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.web.raw import Connection, chunked

TOKEN = "!#$%&'*+-.^`|~" + string.digits + string.ascii_letters
names = st.text(TOKEN, min_size=1, max_size=20).map(lambda name: f"X-{name}")
values = st.text("".join(map(chr, range(33, 127))) + " \t", max_size=60).map(lambda value: value.strip(" \t"))
headers = st.lists(st.tuples(st.one_of(names, st.just("Cookie")), values), max_size=12)
paths = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffd"), max_size=40)
queries = st.text(string.ascii_letters + string.digits + "-._~!$&'()*+,;=:@/?%", max_size=80)
parts = st.lists(st.binary(min_size=1, max_size=3000), max_size=5)
responses = st.lists(st.tuples(names, st.text("".join(map(chr, range(32, 127))), max_size=60)), max_size=12)

often = settings(
    max_examples=60, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


def folded(given):
    """The variables that these headers become."""
    found: dict[str, str] = {}
    for name, value in given:
        key = "HTTP_" + name.upper().replace("-", "_")
        found[key] = f"{found[key]}{'; ' if key == 'HTTP_COOKIE' else ','}{value}" if key in found else value
    return found


@often
@given(headers, paths, queries, parts, st.booleans(), st.sampled_from(["POST", "PUT", "PATCH", "DELETE"]))
def test_what_is_sent_arrives(server, headers, path, query, parts, is_chunked, method):
    body = b"".join(parts)
    framing = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {len(body)}"
    lines = [f"{name}: {value}" for name, value in headers]
    with Connection(server) as client:
        target = f"/probe/echo/{quote(path)}" + (f"?{query}" if query else "")
        client.send(f"{method} {target} HTTP/1.1", "Host: localhost", *lines, framing, body=b"")
        client.socket.sendall(chunked(*parts) if is_chunked else body)
        answer = client.answer()

    assert answer.sent_body == body
    environ = answer.environ
    assert environ["REQUEST_METHOD"] == method
    assert environ["PATH_INFO"].encode("latin-1") == f"/probe/echo/{path}".encode()
    assert environ["QUERY_STRING"] == query
    seen = {key: value for key, value in environ.items() if key.startswith(("HTTP_X_", "HTTP_COOKIE"))}
    assert {key: value for key, value in seen.items() if not key.startswith("HTTP_X_FORWARDED_")} == folded(headers)


@often
@given(responses, st.lists(st.binary(max_size=3000), max_size=5), st.booleans())
def test_what_is_answered_arrives(server, headers, parts, is_list):
    with Connection(server) as client:
        made = {"headers": headers, "parts": [part.hex() for part in parts], "list": is_list}
        answer = client.get("/probe/answers", method="POST", body=json.dumps(made).encode())
        second = client.get("/probe/several")

    expected = [(name.lower(), value.strip()) for name, value in headers]
    assert [header for header in answer.headers if header[0].startswith("x-")] == in_order(expected)
    assert (answer.body, answer.is_whole) == (b"".join(parts), True)
    assert second.body == b"one two three"


def in_order(headers):
    """Granian sends the headers of one name together, where the first of them stood."""
    return [header for name in dict.fromkeys(name for name, _ in headers) for header in headers if header[0] == name]
