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
STORAGE = ["--root", f"{CACHE}/images", "--runroot", f"{CACHE}/images-run", "--storage-driver", "vfs"]
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
        assert shutil.which(tool), f"{tool} is missing: apt-get install buildah debootstrap"
    project = generate(project_slug="shop")
    subprocess.run([ROOT / "scripts" / "base-image", BASE, "3.14", *STORAGE], check=True)
    name = f"localhost/shop-{uuid.uuid4().hex[:8]}"
    print("Building the image ...", flush=True)
    buildah("bud", "--isolation", "chroot", "--pull-never", "-t", name, ".", cwd=project)
    yield name
    buildah("rmi", "-f", name)


class Container:
    """The image running on a volume, and a browser's worth of client for it."""

    def __init__(self, image: str, volume: Path) -> None:
        self.container = buildah("from", "--pull-never", image)
        config = json.loads(buildah("inspect", "--type", "image", image))["OCIv1"]["config"]
        buildah("config", "--volume", "/data-", self.container)  # else the image's own volume covers the one below
        self.port = _free_port()
        command = [
            "buildah", *STORAGE, "run", "--isolation", "chroot", "-v", f"{volume}:/data:rw",
            "--env", f"PORT={self.port}", self.container, "--", *config["Cmd"],
        ]  # fmt: skip
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.log: list[str] = []
        self.ready = threading.Event()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
        assert self.ready.wait(PATIENCE), self.text

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

    def server_pid(self) -> int:
        """The server's process, below those of buildah."""
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                todo += [int(child) for child in children.read_text().split()]
            if b"\0main.py\0" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
        return found[-1]

    def stop(self) -> int:
        """Send SIGTERM as `docker stop` does; the exit code."""
        os.kill(self.server_pid(), signal.SIGTERM)
        code = self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        buildah("rm", self.container)
        return code

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.log.append(line)
                if "server_ready" in line:
                    self.ready.set()

    def _url(self, path: str) -> str:
        return f"http://localhost:{self.port}{path}"


def _free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def make_first_account(container: Container) -> None:
    """Follow the link of the log and fill in the form."""
    link = re.search(r"Make the first one at http://[^/]+(/\S+)", container.text)
    assert link, container.text
    page = container.get(link[1]).decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token
    password = uuid.uuid4().hex
    form = {"csrfmiddlewaretoken": token[1], "username": "admin", "password1": password, "password2": password}
    container.post(link[1], urllib.parse.urlencode(form).encode(), "application/x-www-form-urlencoded")


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

    print("Running it ...", flush=True)
    first = Container(image, volume)
    assert first.get("/readyz") == b"ok\n"
    with pytest.raises(urllib.error.HTTPError, match=r"40[13]") as refused:
        upload_photograph(first)
    refused.value.close()
    make_first_account(first)
    task = upload_photograph(first)
    state = first.wait_for_task(task)
    assert state["status"] == "SUCCESSFUL", state
    picture = first.get(state["result"]["variants"][0]["url"])
    assert first.stop() == 0, first.text
    assert (volume / "db.sqlite3").stat().st_uid == 1000

    print("Running it again on the same data ...", flush=True)
    second = Container(image, volume)
    second.opener.add_handler(urllib.request.HTTPCookieProcessor(first.cookies))
    assert "Make the first one" not in second.text
    assert json.loads(second.get(task))["result"] == state["result"]
    assert second.get(state["result"]["variants"][0]["url"]) == picture
    assert second.stop() == 0, second.text


def test_the_image_says_who_runs_what_and_where_the_data_is(image):
    config = json.loads(buildah("inspect", "--type", "image", image))
    assert config["OCIv1"]["config"]["User"] == "app"
    assert config["OCIv1"]["config"]["Cmd"] == ["python", "main.py"]
    assert "/data" in config["OCIv1"]["config"]["Volumes"]
