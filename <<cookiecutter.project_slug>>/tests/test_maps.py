"""The maps of the project's own packages, in their docstrings, name every module."""

import re
from pathlib import Path

import pytest

import runtime
import tasks

# What does not need a word of its own.
UNTOLD = {
    "__init__.py",
    "admin_attempts.py",
    "admin_list.py",
    "admin_queues.py",
    "admin_schedules.py",
    "admin_waiting.py",
}


@pytest.mark.parametrize("package", [runtime, tasks])
def test_a_map_names_what_is_there(package):
    told = set(re.findall(r"(?<!/)\b\w+\.py\b", package.__doc__))
    there = {path.name for path in Path(package.__file__).parent.glob("*.py")}

    assert told - {"main.py"} <= there
    assert there <= told | UNTOLD
