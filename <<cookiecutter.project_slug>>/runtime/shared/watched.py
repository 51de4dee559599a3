"""Tasks whose end main is to notice: cells of shared memory that hold their ids.

Main writes an id into a free cell, and whoever has written the end of a task clears the cell that has its id. Main does
so first and has the page look at the row then; who ends a task writes the row first and looks at the cells then. So
one of the two sees the other (as in tasks/table/awaiting.py), however quick the task was.
"""

from collections import Counter

ROWS, WIDTH = 1024, 4  # an id may lie in any cell of one row
CELLS = ROWS * WIDTH


class Watched:
    """A number is the lower half of a task's id."""

    def __init__(self, cells: memoryview) -> None:
        self.cells = cells
        self.owners: dict[int, int] = {}  # main's: cell → number
        self.holders: Counter[int] = Counter()  # main's

    def end(self, number: int) -> None:
        """Its end has been written. Half a microsecond, for each task that ends."""
        for cell in self.places_of(number):
            if self.cells[cell] == number:
                self.cells[cell] = 0

    def places_of(self, number: int) -> range:
        start = number % ROWS * WIDTH
        return range(start, start + WIDTH)

    def take(self, number: int) -> bool:
        """Notice the ends of this task; False where there is no cell for it."""
        if number not in self.holders:
            free = next((cell for cell in self.places_of(number) if cell not in self.owners), None)
            if free is None:
                return False
            self.owners[free] = self.cells[free] = number
        self.holders[number] += 1
        return True

    def release(self, number: int) -> None:
        """One holder fewer; `take` returned True for each."""
        self.holders[number] -= 1
        if not self.holders[number]:
            del self.holders[number]
            cell = next(cell for cell in self.places_of(number) if self.owners.get(cell) == number)
            self.cells[cell] = 0
            del self.owners[cell]

    def ended(self) -> set[int]:
        """Those whose end has been written since the last look. They stay watched: a task may be tried again."""
        found = {cell: number for cell, number in self.owners.items() if self.cells[cell] != number}
        for cell, number in found.items():
            self.cells[cell] = number
        return set(found.values())
