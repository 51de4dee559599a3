"""What a task leaves: tables of rows, whatever it is, each value as its text."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.core import mail
from django.db import connection
from django.db.models import Model

from tasks.models import TaskRecord

type Row = dict[str, str]  # a column of JSON is one for each value in it: "arguments.args.0"
type State = dict[str, list[Row]]

FILES, MAIL, RETURNED, OUTSIDE = "MEDIA_ROOT", "mail", "return value", "state"
MAIL_FIELDS = ("subject", "from_email", "to", "cc", "bcc", "body")


def as_it_is(task_id: UUID, state: Callable[[], Any] | None) -> State:
    """Of the task's own row its return value alone; of the tasks that it has enqueued, all."""
    found = {model._meta.label: rows(_values(model, task_id)) for model in models_in_database()}
    if state is not None:
        value = state()
        found[OUTSIDE] = rows(value if isinstance(value, list) else [value])
    found[MAIL] = rows({name: getattr(each, name) for name in MAIL_FIELDS} for each in getattr(mail, "outbox", []))
    found[FILES] = rows(_files(Path(settings.MEDIA_ROOT)))
    found[RETURNED] = rows([TaskRecord.objects.values_list("return_value", flat=True).get(pk=task_id)])
    return found


def models_in_database() -> Iterator[type[Model]]:
    existing = set(connection.introspection.table_names())
    for model in apps.get_models(include_auto_created=True):
        if model._meta.can_migrate(connection) and model._meta.db_table in existing:
            yield model


def _values(model: type[Model], task_id: UUID) -> Iterable[dict[str, Any]]:
    found = model._base_manager.values(*(field.attname for field in model._meta.concrete_fields))
    return found.exclude(pk=task_id) if model is TaskRecord else found


def rows(values: Iterable[Any]) -> list[Row]:
    return [dict(_flat("", value)) for value in values]


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    if not items or not value:
        yield name or "value", repr(value)
    else:
        for key, each in items:
            yield from _flat(f"{name}.{key}" if name else str(key), each)


def _files(root: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(root.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            yield {"name": path.relative_to(root).as_posix(), "content": f"{len(content)} bytes, sha256 {digest:.12}"}
