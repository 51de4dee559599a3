"""Generate the demo project of `make run`: `python scripts/demo.py FOLDER`. Its data and its environment are kept."""

import shutil
import sys
import tempfile
from pathlib import Path

from cookiecutter.main import cookiecutter

TEMPLATE = Path(__file__).resolve().parent.parent
KEPT = {".venv", "data", ".env"}


def main(folder: Path) -> None:
    demo = folder / "demo"
    print(f"Generating a demo project in {demo} ...", flush=True)
    with tempfile.TemporaryDirectory() as new:
        answers = {"project_name": "Demo", "project_slug": "demo"}
        made = Path(cookiecutter(str(TEMPLATE), no_input=True, output_dir=new, extra_context=answers))
        demo.mkdir(parents=True, exist_ok=True)
        for path in demo.iterdir():
            if path.name not in KEPT:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for path in made.iterdir():
            if not (demo / path.name).exists():
                shutil.move(path, demo / path.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
