"""HTTP/2 and TLS, which Granian speaks by itself."""

import base64
import json
import ssl
from pathlib import Path

import pytest

from tests.server import run_main, running
from tests.web.http2 import END_STREAM, Client
from tests.web.raw import Connection

FOLDER = Path(__file__).parent
CERTIFICATE, KEY = str(FOLDER / "certificate.pem"), str(FOLDER / "key.pem")


@pytest.fixture(scope="module")
def secure_server(tmp_path_factory):
    with running(
        tmp_path_factory.mktemp("data"), ROLES="web", WEB_INTERPRETERS="1", SSL_CERT=CERTIFICATE, SSL_KEY=KEY,
        DJANGO_SETTINGS_MODULE="tests.web.settings",
    ) as server:  # fmt: skip
        yield server


def connect(server, protocol):
    context = ssl.create_default_context(cafile=CERTIFICATE)
    context.set_alpn_protocols([protocol])
    return Connection(server, context)


def test_a_request_with_prior_knowledge_of_http2(client):
    http2 = Client(client)
    (body,) = http2.answers(http2.ask("/probe/echo?a=1", {"x-one": "1"}, b"hello", "POST")).values()
    echo = json.loads(body)
    environ = echo["environ"]

    assert base64.b64decode(echo["body"]) == b"hello"
    assert (environ["SERVER_PROTOCOL"], environ["HTTP_HOST"], environ["HTTP_X_ONE"]) == ("HTTP/2.0", "localhost", "1")
    assert (environ["QUERY_STRING"], environ["CONTENT_LENGTH"]) == ("a=1", "5")


@pytest.mark.parametrize("last", [b"", b"!"])
def test_a_body_in_parts_whose_length_nobody_tells(client, last):
    http2 = Client(client)
    number = http2.ask("/probe/echo", method="POST")
    for _ in range(20):
        http2.send(number, bytes(1000))
    http2.send(number, last, END_STREAM)
    (body,) = http2.answers(number).values()

    assert base64.b64decode(json.loads(body)["body"]) == bytes(20000) + last


def test_the_authority_stands_above_a_host_header(client):
    http2 = Client(client)
    (body,) = http2.answers(http2.ask("/probe/echo", {"host": "elsewhere"})).values()

    assert json.loads(body)["environ"]["HTTP_HOST"] == "localhost"


def test_several_requests_on_one_connection(client):
    http2 = Client(client)
    numbers = [http2.ask(f"/probe/echo?{number}") for number in range(20)]
    bodies = http2.answers(*numbers)

    queries = [json.loads(bodies[number])["environ"]["QUERY_STRING"] for number in numbers]
    assert queries == [str(number) for number in range(20)]


def test_a_stream_that_breaks_off_is_seen_to(client):
    http2 = Client(client)
    number = http2.ask("/probe/fails_later")

    with pytest.raises(ConnectionError):
        http2.answers(number)


@pytest.mark.parametrize("protocol", ["http/1.1", "h2"])
def test_https(secure_server, protocol):
    with connect(secure_server, protocol) as client:
        assert client.socket.selected_alpn_protocol() == protocol
        if protocol == "h2":
            http2 = Client(client)
            (body,) = http2.answers(http2.ask("/probe/echo")).values()
        else:
            body = client.get("/probe/echo").body

    assert json.loads(body)["environ"]["wsgi.url_scheme"] == "https"


def test_https_streams_and_breaks_off_as_http_does(secure_server):
    with connect(secure_server, "http/1.1") as client:
        whole = client.get("/probe/goes_on?5")
        broken = client.get("/probe/fails_later")

    assert (len(whole.body), whole.is_whole) == (5 * 10**6, True)
    assert not broken.is_whole


def test_the_address_says_that_it_is_https(secure_server):
    assert secure_server.url.startswith("https://")


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"SSL_CERT": CERTIFICATE}, "SSL_CERT and SSL_KEY: set both of them, or none."),
        ({"SSL_KEY": KEY}, "SSL_CERT and SSL_KEY: set both of them, or none."),
        ({"SSL_CERT": "/nowhere.pem", "SSL_KEY": KEY}, "/nowhere.pem cannot be read"),
        ({"SSL_CERT": CERTIFICATE, "SSL_KEY": "/nowhere.pem"}, "/nowhere.pem cannot be read"),
        ({"SSL_CERT": KEY, "SSL_KEY": CERTIFICATE}, "not a certificate in PEM and its key"),
    ],
)
def test_a_wrong_certificate_stops_the_start_with_one_line(tmp_path, variables, reason):
    ended = run_main(tmp_path, "--port", "0", **variables)

    assert (ended.returncode, reason in ended.stderr) == (1, True), ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
