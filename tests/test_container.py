"""The image: built from the Dockerfile, run, stopped, and started again on the same data. Without a Docker engine."""

import http.client
import http.cookiejar
import io
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
import uuid
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import ROOT

BASE = "docker.io/library/python:3.14-slim"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "single-server-django"
STORAGE = ["--root", f"{CACHE}/images", "--runroot", f"{CACHE}/images-run"]
PATIENCE = 120  # seconds

pytestmark = pytest.mark.container


def buildah(*arguments: str, **options) -> str:
    command = ["buildah", *STORAGE, *arguments]
    result = subprocess.run(command, check=False, capture_output=True, text=True, **options)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout.strip()


@pytest.fixture(scope="module")
def image(generate):
    """A project's image, built as `docker build` does it; its name."""
    for tool in ("buildah", "debootstrap"):
        if not shutil.which(tool):
            pytest.fail(f"{tool} is missing: apt-get install buildah debootstrap", pytrace=False)
    if os.geteuid() != 0:
        pytest.fail("This test needs root: it puts a root file system together and runs it.", pytrace=False)
    project = generate(project_slug="shop")
    command = [str(ROOT / "scripts" / "base-image"), BASE, "3.14", *STORAGE]
    base = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    assert base.returncode == 0, "The base image could not be made: see above."
    name = f"localhost/shop-{uuid.uuid4().hex[:8]}"
    print("Building the image ...", flush=True)
    command = [  # in Docker's format: the other one knows no HEALTHCHECK
        "buildah", *STORAGE, "bud", "--isolation", "chroot", "--pull-never", "--no-cache", "--force-rm",
        "--format", "docker", *base.stdout.splitlines(), "-t", name, ".",
    ]  # fmt: skip
    with subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as build:
        assert build.stdout is not None
        log = []
        for line in build.stdout:
            log.append(line)
            if "STEP" in line and ": ARG " not in line:
                print(line, end="", flush=True)
    assert build.returncode == 0, "".join(log)
    yield name
    buildah("rmi", "-f", name)


def config_of(image: str) -> dict:
    return json.loads(buildah("inspect", "--type", "image", image))["Docker"]["config"]


class Container:
    """The image running on a volume, and a browser's worth of client for it. What is left of it ends with the block."""

    def __init__(self, image: str, volume: Path) -> None:
        self.config = config_of(image)
        self.container = buildah("from", "--pull-never", image)
        buildah("config", "--volume", "/data-", self.container)  # else the image's own volume covers the one below
        self.port = _free_port()
        self.run = [
            "buildah", *STORAGE, "run", "--isolation", "chroot", "-v", f"{volume}:/data:rw",
            "--env", f"PORT={self.port}", self.container, "--",
        ]  # fmt: skip
        command = [*self.run, *self.config["Cmd"]]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.log: list[str] = []
        self.ready = threading.Event()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()
        as_browsers = http.cookiejar.DefaultCookiePolicy(secure_protocols=("https", "http"))  # they trust localhost
        self.cookies = http.cookiejar.CookieJar(as_browsers)
        no_proxy = urllib.request.ProxyHandler({})
        self.opener = urllib.request.build_opener(no_proxy, urllib.request.HTTPCookieProcessor(self.cookies))

    def __enter__(self) -> Container:
        self.ready.wait(PATIENCE)
        if not any("server_ready" in line for line in self.log):
            self.__exit__()
            raise AssertionError(f"It did not start:\n{self.text}")
        return self

    def __exit__(self, kind: type[BaseException] | None = None, *_: object) -> None:
        if kind is not None:
            print(self.text, flush=True)
        if self.process.poll() is None:
            for pid in reversed(self.pids()):
                os.kill(pid, signal.SIGKILL)
            self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        buildah("rm", self.container)

    @property
    def text(self) -> str:
        return "".join(self.log)

    def get(self, path: str) -> bytes:
        return self.open(urllib.request.Request(self._url(path)))

    def post(self, path: str, body: bytes, content_type: str) -> bytes:
        token = next((cookie.value for cookie in self.cookies if cookie.name == "csrftoken"), "")
        headers = {"Content-Type": content_type, "X-CSRFToken": token or ""}
        return self.open(urllib.request.Request(self._url(path), body, headers))

    def open(self, request: urllib.request.Request) -> bytes:
        with self.opener.open(request, timeout=PATIENCE) as answer:
            return bytes(answer.read())

    def wait_for_task(self, url: str) -> dict:
        for _ in range(PATIENCE * 10):
            state = json.loads(self.get(url))
            if state["status"] in ("SUCCESSFUL", "FAILED"):
                return state
            threading.Event().wait(0.1)
        raise AssertionError(f"{state}\n{self.text}")

    def check_health(self) -> None:
        """Do what HEALTHCHECK says, in the container."""
        kind, *command = self.config["Healthcheck"]["Test"]
        assert kind == "CMD"
        result = subprocess.run([*self.run, *command], check=False, capture_output=True, text=True, timeout=PATIENCE)
        assert result.returncode == 0, result.stdout + result.stderr

    def pids(self) -> list[int]:
        """The host's numbers of buildah's processes and, as the last one, the server's."""
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                todo += [int(child) for child in children.read_text().split()]
        return found

    def server_pid(self) -> int:
        pid = self.pids()[-1]
        assert Path(f"/proc/{pid}/cmdline").read_bytes().endswith(b"\0main.py\0")
        assert Path(f"/proc/{pid}").stat().st_uid == 1000
        return pid

    def stop(self) -> int:
        """Send the server the signal that `docker stop` sends; the exit code."""
        os.kill(self.server_pid(), signal.Signals[self.config["StopSignal"]])
        return self.process.wait(PATIENCE)

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.log.append(line)
                if "server_ready" in line:
                    self.ready.set()
        self.ready.set()  # it has ended

    def _url(self, path: str) -> str:
        return f"http://localhost:{self.port}{path}"


def _free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def fill_in(container: Container, path: str, **fields: str) -> None:
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', container.get(path).decode())
    assert token
    form = urllib.parse.urlencode({"csrfmiddlewaretoken": token[1], **fields})
    container.post(path, form.encode(), "application/x-www-form-urlencoded")


def make_first_account(container: Container, password: str) -> None:
    """Follow the link of the log and fill in the form."""
    link = re.search(r"Make the first one at http://[^/]+(/\S+)", container.text)
    assert link, container.text
    fill_in(container, link[1], username="admin", password1=password, password2=password)


def upload_photograph(container: Container) -> str:
    content = io.BytesIO()
    Image.linear_gradient("L").resize((2000, 1500)).save(content, "JPEG")
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n' + content.getvalue()
    answer = container.post("/api/images/", body + b"\r\n--x--\r\n", "multipart/form-data; boundary=x")
    return str(json.loads(answer)["url"])


def test_a_container_serves_with_nothing_set_and_keeps_its_data(image, tmp_path):
    volume = tmp_path / "data"
    volume.mkdir()
    os.chown(volume, 1000, 1000)

    password = uuid.uuid4().hex

    print("Running it ...", flush=True)
    with Container(image, volume) as first:
        assert first.get("/readyz") == b"ok\n"
        first.check_health()
        with pytest.raises(urllib.error.HTTPError, match=r"40[13]") as refused:
            upload_photograph(first)
        refused.value.close()
        make_first_account(first, password)
        task = upload_photograph(first)
        state = first.wait_for_task(task)
        assert state["status"] == "SUCCESSFUL", state
        picture = first.get(state["result"]["variants"][0]["url"])
        print("Stopping it ...", flush=True)
        assert first.stop() == 0, first.text
    assert (volume / "db.sqlite3").stat().st_uid == 1000

    print("Running it again on the same data ...", flush=True)
    with Container(image, volume) as second:
        assert "Make the first one" not in second.text
        fill_in(second, "/accounts/login/", username="admin", password=password)
        assert json.loads(second.get(task))["result"] == state["result"]
        assert second.get(state["result"]["variants"][0]["url"]) == picture
        assert second.stop() == 0, second.text


def test_the_image_says_who_runs_what_and_where_the_data_is(image):
    config = config_of(image)
    assert config["User"] == "app"
    assert config["Cmd"] == ["python", "main.py"]
    assert list(config["Volumes"]) == ["/data"]
    assert config["StopSignal"] == "SIGTERM"
