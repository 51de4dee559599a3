"""Errors of the database that pass, and those that do not."""

import pytest
from django.db import IntegrityError, OperationalError

from tasks.table.patience import until_it_passes

pytestmark = pytest.mark.django_db(transaction=True)


def failing(times, error):
    left = [error] * times

    def write():
        if left:
            raise left.pop()
        return "written"

    return write


def test_what_passes_is_tried_again():
    assert until_it_passes(failing(2, OperationalError("database is locked"))) == "written"


def test_what_does_not_pass_is_raised_at_once():
    with pytest.raises(IntegrityError):
        until_it_passes(failing(1, IntegrityError("no")))


def test_what_does_not_pass_in_time_is_raised(monkeypatch):
    monkeypatch.setattr("tasks.table.patience.LIMIT", 0)
    with pytest.raises(OperationalError):
        until_it_passes(failing(1, OperationalError("gone")))
