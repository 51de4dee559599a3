"""Two states compared, as far as they can be the same.

What differs between two undisturbed runs (times, random keys, the primary keys of new rows) can be no sign of a crash.
Of such a column is compared what is empty and what was there before.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from tasks.crashes.states import FILES, MAIL, OUTSIDE, RETURNED, Row, State

NOUNS = {FILES: "file", MAIL: "mail", OUTSIDE: "value", RETURNED: "value"}
SHOWN = 3  # rows of a table, at most
LONGEST = 100  # characters of a value that are shown
NEW, EMPTY = "(new)", ("None", "''")

type Line = frozenset[tuple[str, str]]


class Judge:
    """Knows from two undisturbed runs what a third has to leave."""

    def __init__(self, start: State, first: State, second: State, ignore: Sequence[str]) -> None:
        self.ignore = ignore
        self.expected, again = self._comparable(first), self._comparable(second)
        uneven = [table for table, rows in self.expected.items() if len(rows) != len(again[table])]
        if uneven:
            counts = "\n".join(_count(table, again[table], self.expected[table]) for table in uneven)
            raise AssertionError(f"Two undisturbed runs leave different states, a crash cannot be judged:\n{counts}")
        self.known = {  # of each column that is different each time: what it held before
            (table, column): _values(start.get(table, []), column)
            for table, rows in self.expected.items()
            for column in {name for row in rows for name in row}
            if _values(rows, column) != _values(again[table], column)
        }

    @property
    def not_compared(self) -> list[str]:
        return sorted(f"{table}.{column}" for table, column in self.known)

    def difference(self, got: State) -> str:
        """What is wrong, a line for each row; "" where nothing is."""
        got = self._comparable(got)
        return "\n".join(line for table in self.expected for line in self._differences(table, got[table]))

    def _comparable(self, state: State) -> State:
        """Without what is to be ignored."""
        tables = {table: rows for table, rows in state.items() if not self._ignores(table)}
        files = [row for row in tables.get(FILES, []) if not self._ignores(row["name"].strip("'"))]
        return {
            table: [self._columns(table, row) for row in (files if table == FILES else rows)]
            for table, rows in tables.items()
        }

    def _columns(self, table: str, row: Row) -> Row:
        return {column: value for column, value in row.items() if not self._ignores(f"{table}.{column}")}

    def _ignores(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self.ignore)

    def _differences(self, table: str, rows: list[Row]) -> Iterator[str]:
        expected = Counter(self._line(table, row) for row in self.expected[table])
        got = Counter(self._line(table, row) for row in rows)
        missing, extra = [*(expected - got).elements()], [*(got - expected).elements()]
        if len(missing) != len(extra):
            yield _count(table, rows, self.expected[table])
            yield from (f"  expected: {_shown(line)}" for line in missing[:SHOWN])
            yield from (f"  found:    {_shown(line)}" for line in extra[:SHOWN])
            return
        for line in missing[:SHOWN]:
            nearest = min(extra, key=lambda other: len(line ^ other))
            extra.remove(nearest)
            yield f"{table}: {_changed(dict(nearest), dict(line))}"

    def _line(self, table: str, row: Row) -> Line:
        return frozenset((column, self._seen(table, column, value)) for column, value in row.items())

    def _seen(self, table: str, column: str, value: str) -> str:
        known = self.known.get((table, column))
        return value if known is None or value in known or value in EMPTY else NEW


def _values(rows: list[Row], column: str) -> Counter[str | None]:
    return Counter(row.get(column) for row in rows)


def _count(table: str, got: list[Row], expected: list[Row]) -> str:
    noun = NOUNS.get(table, "row") + ("s" if len(got) != 1 else "")
    return f"{table} has {len(got)} {noun}, {len(expected)} expected."


def _changed(got: Row, expected: Row) -> str:
    which = next(
        (f"{name} {expected[name]}: " for name in ("id", "name") if name in got and got[name] == expected.get(name)), ""
    )
    columns = sorted(name for name in got.keys() | expected.keys() if got.get(name) != expected.get(name))
    return which + ", ".join(
        f"{name} is {got.get(name, 'missing')[:LONGEST]}, {expected.get(name, 'nothing')[:LONGEST]} expected"
        for name in columns
    )


def _shown(line: Line) -> str:
    return ", ".join(f"{name}={value[:LONGEST]}" for name, value in sorted(line))
