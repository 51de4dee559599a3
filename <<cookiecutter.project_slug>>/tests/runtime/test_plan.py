"""INTERPRETERS of the settings: what is understood, and the one line for what is not."""

import pytest

from runtime.shared.plan import Plan, StartError, WebPool, WorkerPool, parse_interpreters
from runtime.supervise.seats import seats_needed
from tests.runtime.make import make_plan

QUEUES = ("critical", "default")
SERVED = {"all": {"queues": QUEUES}}


def test_a_pool_gets_the_defaults_for_what_it_does_not_say():
    web, workers, warnings = parse_interpreters({"workers": SERVED}, QUEUES)

    assert web == WebPool(count=2, threads=2, interpreter="isolated")
    assert workers == (WorkerPool(name="all", queues=QUEUES, count=(1, 1), threads=1, interpreter="isolated"),)
    assert warnings == []


def test_each_option_of_the_web_is_taken_over():
    options = {"count": 1, "threads": 8, "interpreter": "legacy", "max_requests": 0, "request_timeout": 0.5}
    web, _, _ = parse_interpreters({"web": options, "workers": SERVED}, QUEUES)

    assert web == WebPool(**options)


@pytest.mark.parametrize("interpreter", ["isolated", "legacy", "main"])
def test_each_option_of_a_pool_is_taken_over(interpreter):
    options = {
        "queues": ["default", "critical"], "count": (0, 4), "idle": 0, "threads": 2, "interpreter": interpreter,
        "timeout": 0.5, "max_tasks": 1, "max_growth": 0,
    }  # fmt: skip
    _, (_, pool), _ = parse_interpreters({"workers": SERVED | {"heavy": options}}, QUEUES)

    assert pool == WorkerPool(**options | {"name": "heavy", "queues": ("default", "critical")})


@pytest.mark.parametrize(("count", "expected"), [(3, (3, 3)), ((0, 2), (0, 2)), ([1, 64], (1, 64))])
def test_a_count_is_a_number_or_least_and_most(count, expected):
    pools = SERVED | {"other": {"queues": QUEUES, "count": count}}
    _, (_, pool), _ = parse_interpreters({"workers": pools}, QUEUES)

    assert pool.count == expected


def test_a_queue_that_nobody_serves_is_a_warning_that_names_it():
    _, _, warnings = parse_interpreters({"workers": {"one": {"queues": ["default"]}}}, QUEUES)

    assert warnings == ["No pool in INTERPRETERS serves the queue critical."]


def test_where_no_pool_has_to_run_the_first_one_keeps_one_interpreter_and_says_so():
    pools = {"one": {"queues": ["default"], "count": (0, 3)}, "two": {"queues": ["critical"], "count": (0, 1)}}
    _, workers, warnings = parse_interpreters({"workers": pools}, QUEUES)

    assert [pool.count for pool in workers] == [(1, 3), (0, 1)]
    assert warnings == ["One interpreter of the pool one always runs: somebody must keep time for all pools."]


@pytest.mark.parametrize("setting", [None, [], {"wep": {}}, {"web": {}, "worker": {}}])
def test_the_setting_is_a_dictionary_of_web_and_workers(setting):
    assert "INTERPRETERS: allowed is" in refusal(setting)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"threds": 2}, '["threds"]: no such option; there are count, threads, interpreter'),
        ({"threads": 0}, '["threads"]=0: allowed is 1 or more.'),
        ({"threads": "2"}, "[\"threads\"]='2': allowed is a whole number, 0 or more."),
        ({"threads": 1.5}, '["threads"]=1.5'),
        ({"count": 0}, '["count"]=0'),
        ({"count": -1}, '["count"]=-1'),
        ({"count": 1.5}, '["count"]=1.5'),
        ({"count": (1, 2)}, '["count"]=(1, 2)'),
        ({"count": True}, '["count"]=True'),
        ({"request_timeout": None}, '["request_timeout"]=None: allowed is a number, 0 or more.'),
        ({"interpreter": "subprocess"}, "[\"interpreter\"]='subprocess': allowed is isolated or legacy or main"),
        ("two", "allowed is"),
        (None, "allowed is"),
    ],
)
def test_a_wrong_option_of_the_web_is_named(options, named):
    message = refusal({"web": options, "workers": SERVED})

    assert message.startswith('INTERPRETERS["web"]')
    assert named in message


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"timout": 2}, '["timout"]: no such option'),
        ({"timeout": -1}, '["timeout"]=-1'),
        ({"timeout": "60"}, "[\"timeout\"]='60'"),
        ({"max_tasks": 2.5}, '["max_tasks"]=2.5'),
        ({"threads": 0}, '["threads"]=0'),
        ({"count": 0}, '["count"]'),
        ({"count": (2, 1)}, '["count"]'),
        ({"count": (0, 0)}, '["count"]'),
        ({"count": (1, 65)}, '["count"]'),
        ({"count": (1, 2, 3)}, '["count"]'),
        ({"count": "1"}, '["count"]'),
        ({"interpreter": "isolate"}, '["interpreter"]'),
        ({"queues": []}, '"queues" is missing'),
        ({"queues": ["critical", "slow"]}, "has the queue slow"),
        ({"queues": "critical"}, '"queues"'),
        ({"queues": 3}, '"queues"'),
        ({"queues": [["critical"]]}, '"queues"'),
        ("critical", '"queues" is missing'),
    ],
)
def test_a_wrong_option_of_a_pool_is_named(options, named):
    given = {"queues": list(QUEUES)} | options if isinstance(options, dict) else options
    message = refusal({"workers": {"heavy": given}})

    assert message.startswith('INTERPRETERS["workers"]["heavy"]')
    assert named in message


@pytest.mark.parametrize("name", ["web", "two words", "", 3])
def test_a_pools_name_is_an_identifier_and_not_web(name):
    assert "a pool's name is an identifier, and not web" in refusal({"workers": {name: {"queues": ["default"]}}})


def test_workers_that_are_no_dictionary_are_refused():
    assert "INTERPRETERS" in refusal({"workers": ["default"]})


def test_a_plan_survives_the_way_between_interpreters(tmp_path):
    plan = make_plan(tmp_path, WorkerPool(name="all", queues=QUEUES, count=(0, 2)), port=8000, problems=("one",))

    assert Plan.from_dict(plan.as_dict()) == plan


@pytest.mark.parametrize(
    ("roles", "pools"), [(("web", "workers"), ["web", "one"]), (("web",), ["web"]), (("workers",), ["one"])]
)
def test_the_roles_choose_the_pools(tmp_path, roles, pools):
    plan = make_plan(tmp_path, WorkerPool(name="one", queues=QUEUES), roles=roles)

    assert [pool.name for pool in plan.pools] == pools


def test_there_are_seats_for_twice_the_most_threads(tmp_path):
    elastic = WorkerPool(name="elastic", queues=QUEUES, count=(0, 3), threads=2)
    plan = make_plan(tmp_path, elastic, web=WebPool(count=2, threads=4))

    assert seats_needed(plan) >= 2 * (2 * 4 + 3 * 2) + 1
    assert [pool.least for pool in plan.pools] == [2, 0]


def refusal(setting):
    with pytest.raises(StartError) as caught:
        parse_interpreters(setting, QUEUES)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message
