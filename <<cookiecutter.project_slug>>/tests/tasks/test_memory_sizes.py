"""OPTIONS and QUEUES of InterpreterQueueBackend, as the start reads them."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from runtime.start import boot
from tasks.table.memory_sizes import memory_sizes

MEMORY = "tasks.backends.InterpreterQueueBackend"
DURABLE = {"BACKEND": "tasks.backends.DurableBackend", "QUEUES": ["default", "mail"]}


def test_where_none_is_configured_there_is_none():
    assert memory_sizes({"default": DURABLE}) == ()


def test_each_queue_of_a_backend_has_its_size():
    first = {"BACKEND": MEMORY, "QUEUES": ["default", "mail"], "OPTIONS": {"size": 20}}
    other = {"BACKEND": "shop.backends.InterpreterQueueBackend", "QUEUES": ["views"]}  # a class of the project's own

    found = memory_sizes({"default": DURABLE, "memory": first, "other": other})
    assert found == (("default", 20), ("mail", 20), ("views", 1000))
    assert memory_sizes({"memory": {"BACKEND": MEMORY}}) == (("default", 1000),)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"OPTIONS": {"size": 0}}, '["size"]=0: allowed is a whole number from 1 to 10000'),
        ({"OPTIONS": {"size": 10_001}}, "from 1 to 10000"),
        ({"OPTIONS": {"size": True}}, "allowed is a whole number"),
        ({"OPTIONS": {"size": "9"}}, "allowed is a whole number"),
        ({"OPTIONS": {"sizes": 9}}, 'allowed is {"size": tasks that may wait or run}'),
        ({"OPTIONS": 9}, 'allowed is {"size"'),
        ({"QUEUES": []}, '["QUEUES"]: it needs the names of its queues'),
    ],
)
def test_what_is_wrong_stops_the_start_with_one_line(settings, options, says):
    settings.TASKS = settings.TASKS | {"memory": {"BACKEND": MEMORY} | options}
    assert boot.read_plan()["error"].startswith('TASKS["memory"]')
    with pytest.raises(ImproperlyConfigured, match=r"^TASKS\[") as error:
        memory_sizes(settings.TASKS)
    assert says in str(error.value)


def test_a_queue_belongs_to_one_of_them():
    with pytest.raises(ImproperlyConfigured, match="another InterpreterQueueBackend has the queue default already"):
        memory_sizes({"one": {"BACKEND": MEMORY}, "two": {"BACKEND": MEMORY}})


def test_the_plan_knows_them(settings):
    settings.TASKS = settings.TASKS | {"memory": {"BACKEND": MEMORY, "QUEUES": ["default"], "OPTIONS": {"size": 7}}}
    assert boot.read_plan()["memory_queues"] == (("default", 7),)
    settings.ROLES = ("web",)
    plan = boot.read_plan()
    assert (plan["memory_queues"], "is refused" in plan["problems"][-1]) == ((), True)
