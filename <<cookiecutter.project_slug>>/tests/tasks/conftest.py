import pytest

from tasks import queue
from tasks.attempt import Attempt
from tasks.models import TaskRecord
from tests.tasks import sample_tasks


@pytest.fixture(autouse=True)
def calls():
    """What the sample tasks have noted in this test."""
    sample_tasks.calls.clear()
    return sample_tasks.calls


@pytest.fixture
def run_one():
    """Claim and run the next task of a queue; its row afterwards."""

    def run(name: str = "default", holder: str = "node/boot/default-1/0") -> TaskRecord:
        claimed = queue.claim(name, holder)
        assert claimed is not None
        Attempt(claimed).run()
        return TaskRecord.objects.get(pk=claimed.id)

    return run
