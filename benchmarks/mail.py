"""A password reset beside full slow queues: from the request to the mail server, which has it whole.

    python -m benchmarks.mail [NUMBER]

Alone, and while `default`, `exports` and `images` have all workers busy and a thousand tasks waiting each
(benchmarks.isolation). The mail server is a thread of this process.
"""

import http.cookiejar
import statistics
import subprocess
import sys
import time
import urllib.parse
import urllib.request

from benchmarks.isolation import WAITING, fill
from benchmarks.server import PROJECT, Server, get, running

sys.path.append(str(PROJECT / "tests"))
from smtp import SmtpServer, serving

APART = 0.1  # seconds


class Browser:
    def __init__(self, server: Server) -> None:
        as_browsers = http.cookiejar.DefaultCookiePolicy(secure_protocols=("https", "http"))  # they trust localhost
        self.url, self.cookies = f"{server.url}/accounts/password/", http.cookiejar.CookieJar(as_browsers)
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
        self.opener.open(self.url).read()

    def ask_for_password(self) -> None:
        token = next(cookie.value for cookie in self.cookies if cookie.name == "csrftoken")
        form = urllib.parse.urlencode({"email": "ada@example.com", "csrfmiddlewaretoken": token})
        request = urllib.request.Request(self.url, form.encode(), {"Referer": self.url})
        self.opener.open(request).read()


def measure(browser: Browser, mails: SmtpServer, number: int) -> list[float]:
    """Milliseconds from the request to the mail's arrival."""
    found = []
    for _ in range(number):
        had, started = len(mails.mails), time.time_ns()
        browser.ask_for_password()
        found.append((mails.wait_for(had + 1)[-1].arrived_at - started) / 1e6)
        time.sleep(APART)
    return sorted(found)


def waiting(server: Server) -> int:
    lines = get(f"{server.url}/metrics").decode().splitlines()
    return int(sum(float(line.split()[-1]) for line in lines if line.startswith("queue_ready{")))


def main(number: int = 100) -> None:
    with serving() as mails, running(EMAIL_URL=f"smtp://127.0.0.1:{mails.port}") as server:
        person = ["createsuperuser", "--noinput", "--username=ada", "--email=ada@example.com"]
        environment = server.environment | {"DJANGO_SUPERUSER_PASSWORD": "a first password"}
        subprocess.run([sys.executable, "manage.py", *person], cwd=PROJECT, env=environment, check=True)
        browser = Browser(server)
        measure(browser, mails, 10)  # warm
        for name in ("alone", "beside full queues"):
            if name != "alone":
                fill(server)
            times = measure(browser, mails, number)
            p50, p99 = statistics.median(times), times[int(number * 0.99) - 1]
            print(f"{name:<20} p50 {p50:.1f} ms   p99 {p99:.1f} ms   longest {times[-1]:.1f} ms", flush=True)
        print(f"still waiting: {waiting(server)} of {3 * WAITING}")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
