"""What main answers and does for others: only for its own node, and nothing dangerous in production."""

import json
from types import SimpleNamespace

import pytest

from runtime.supervise.answers import Answers
from tests.runtime.on_loop import on_the_loop

NODE = "0c58"


class FakeHost:
    def __init__(self, name, serves=True):
        self.name, self.serves, self.dead = name, serves, False

    def stop_after_error(self):
        self.dead = True


@pytest.fixture
def server():
    hosts = [FakeHost("web-1"), FakeHost("default-1", serves=False)]
    recycled = []
    return SimpleNamespace(
        hosts=hosts,
        recycled=recycled,
        plan=SimpleNamespace(debug=True),
        bridge=SimpleNamespace(detach=lambda host: None),
        renewal=SimpleNamespace(recycle_one=lambda host: recycled.append(host.name) or True),
    )


@pytest.fixture
def ask(server):
    overview = SimpleNamespace(node=NODE, history=SimpleNamespace(as_json=lambda: json.dumps({"taken": 1})))
    questions = Answers(server, overview).questions
    return lambda word, *rest: questions[word](*rest)


@pytest.mark.parametrize(
    "question", [("status",), ("history",), ("recycle", "web-1"), ("kill", "web-1")], ids=lambda question: question[0]
)
@on_the_loop
async def test_another_node_s_questions_are_left_to_it(ask, server, question):
    word, *rest = question

    assert await ask(word, "other", *rest) == ""
    assert server.recycled == []
    assert not server.hosts[0].dead


@on_the_loop
async def test_the_history_and_an_interpreter_to_recycle(ask, server):
    assert await ask("history", NODE) == '{"taken": 1}'
    assert await ask("recycle", NODE, "web-1") == "yes"
    assert await ask("recycle", NODE, "web-9") == ""
    assert server.recycled == ["web-1"]


@pytest.mark.parametrize(
    ("name", "debug", "dead"), [("web-1", True, True), ("web-1", False, False), ("default-1", True, False)]
)
@on_the_loop
async def test_an_interpreter_is_killed_where_it_serves_and_in_development_only(ask, server, name, debug, dead):
    server.plan.debug = debug

    assert await ask("kill", NODE, name) == ("yes" if dead else "")
    assert any(host.dead for host in server.hosts) is dead
