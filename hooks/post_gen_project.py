"""Write `.env` for development, with a secret of its own, note the template's version, and say what comes next."""

import html
import json
import os
import secrets
import shutil
import subprocess
from pathlib import Path

DATABASE = "<< cookiecutter.database >>"
SLUG = "<< cookiecutter.project_slug >>"
TEMPLATE = "<< cookiecutter.get('_template', '') >>".replace("gh:", "https://github.com/")
CHECKOUT = "<< cookiecutter.get('_repo_dir', '') >>"
ANSWERS = json.loads(json.loads(r""" << cookiecutter | jsonify | tojson >> """))  # JSON in JSON, for its escapes

# The template folder runs in place, and what a run leaves there is no part of the template.
for name in ("data", ".venv", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"):
    shutil.rmtree(name, ignore_errors=True)
for folder in list(Path.cwd().rglob("__pycache__")):
    shutil.rmtree(folder)
for name in (".env", "uv.lock"):
    if os.path.exists(name):
        os.unlink(name)

# The pages are copied as they are, for their own delimiters; they have the template's name where the project's belongs.
NAME = html.escape(ANSWERS["project_name"]).replace("{", "&#123;")
for page in Path("templates").rglob("*.html"):
    page.write_text(page.read_text().replace("Single-server Django", NAME))

lines = [
    "# Development. Never copied into the image; .env.example lists all variables.",
    "DEBUG=1",
    f"SECRET_KEY={secrets.token_urlsafe(50)}",
]
if DATABASE == "postgresql":
    lines.append(f"DATABASE_URL=postgres://{SLUG}:{SLUG}@127.0.0.1:5432/{SLUG}")

with open(os.open(".env", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as env:
    env.write("\n".join(lines) + "\n")


def version():
    """The commit of the template; "" where it is no checkout, or cruft writes the file itself."""
    if "_commit" in ANSWERS or not shutil.which("git"):
        return ""
    found = subprocess.run(["git", "-C", CHECKOUT, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return found.stdout.strip()


if CHECKOUT and (commit := version()):  # `cruft update` goes on from it
    here = ("_output_dir", "_repo_dir", "_checkout")  # folders of this machine
    answers = {name: answer for name, answer in ANSWERS.items() if name not in here}
    state = {"template": TEMPLATE, "commit": commit, "checkout": None, "context": {"cookiecutter": answers}}
    Path(".cruft.json").write_text(json.dumps(state | {"directory": None}, indent=2) + "\n")

print(f"\nYour project is in {SLUG}/. Next:\n\n    cd {SLUG}\n    uv run main.py\n")
