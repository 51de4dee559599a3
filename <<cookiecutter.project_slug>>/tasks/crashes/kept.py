"""Database and files as they were. Sequences are left alone: each run gets other primary keys, so they show as such."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from tasks.crashes.states import models_in_database


@contextmanager
def rows_kept() -> Iterator[Callable[[], None]]:
    """The block gets a function that puts back what there is now; in the end it is put back as well.

    Copied within the database, so no type of a column is lost on the way.
    """
    tables = {f"kept_{number}": each for number, each in enumerate(_tables())}
    _execute(*(f"DROP TABLE IF EXISTS {copy}" for copy in tables))  # of a test that was killed
    _execute(*(f"CREATE TABLE {copy} AS SELECT {columns} FROM {table}" for copy, (table, columns) in tables.items()))  # noqa: S608

    def put_back() -> None:
        _execute(
            *(f"DELETE FROM {table}" for table, _ in tables.values()),  # noqa: S608
            *(f"INSERT INTO {table} ({columns}) SELECT * FROM {copy}" for copy, (table, columns) in tables.items()),  # noqa: S608
        )

    try:
        yield put_back
    finally:
        put_back()
        _execute(*(f"DROP TABLE {copy}" for copy in tables))


def _tables() -> Iterator[tuple[str, str]]:
    """Each model's table and its columns, quoted."""
    quoted = connection.ops.quote_name
    for model in models_in_database():
        fields = [field for field in model._meta.local_concrete_fields if not field.generated]
        columns = [quoted(str(field.column)) for field in fields]
        yield quoted(model._meta.db_table), ", ".join(columns)


def _execute(*statements: str) -> None:
    """In one transaction: foreign keys are looked at in its end."""
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@contextmanager
def files_kept() -> Iterator[Callable[[], None]]:
    """MEDIA_ROOT is moved aside, and each run gets a copy: what was there is never at risk."""
    media = Path(settings.MEDIA_ROOT)
    aside = media.with_name(f"{media.name}.kept")
    media.mkdir(parents=True, exist_ok=True)
    media.rename(aside)

    def put_back() -> None:
        shutil.rmtree(media, ignore_errors=True)
        shutil.copytree(aside, media)

    try:
        yield put_back
    finally:
        shutil.rmtree(media, ignore_errors=True)
        aside.rename(media)
