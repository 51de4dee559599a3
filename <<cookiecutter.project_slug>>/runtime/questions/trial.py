"""For --check: an interpreter tried in a process that ends with it. What it costs is its own, a crash is an answer."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

from runtime.start.explain import PROJECT

LONGEST = 60  # seconds; an import that takes longer does not come back


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came of it."""

    answer: dict[str, Any] = field(default_factory=dict)  # of the function that was called; empty with an error
    milliseconds: float = 0  # of the processor
    megabytes: float = 0  # more of them resident than before
    error: str = ""  # why there is no answer


def try_out(kind: str, target: str, *arguments: object) -> Trial:
    """Run the function `target` ("module:function") in an interpreter of this kind, in a new process.

    In two `legacy` ones, one after the other: what loads only once would fail as soon as the first one is replaced.
    """
    command = [sys.executable, "-P", "-c", "from runtime.questions.sandbox import main; main()", kind, target]
    path = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
    try:
        done = subprocess.run(
            [*command, json.dumps(arguments)], env=os.environ | {"PYTHONPATH": path}, timeout=LONGEST,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Trial(error=f"does not come back within {LONGEST} seconds")
    if code := done.returncode:
        return Trial(error=f"ends its process with {signal.Signals(-code).name if code < 0 else code}")
    return Trial(**json.loads(done.stdout))
