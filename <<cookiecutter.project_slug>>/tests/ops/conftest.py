from tests.tasks.conftest import run_one as run_one
