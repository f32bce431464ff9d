"""How wide the terminal is, and how lines and tables give way to it.

Libraries that draw tables take a millisecond a row; a store may have thousands.
"""

import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap

UNLIMITED = 100_000  # columns, where neither a terminal nor COLUMNS says how many: pipes and files get all of it
GAP = "  "
OTHERS = re.compile(r"(.*?)( \(\+\d+\))?", re.DOTALL)  # a name, and how many others it stands for


def width() -> int:
    """The columns of a line: what COLUMNS says, or the terminal."""
    return shutil.get_terminal_size((UNLIMITED, 24)).columns


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        heading: its name.
        right: whether its cells are numbers, whose ends lie below each other.
        least: the columns to which it may be shortened, with an ellipsis; without, it never is.
        once: whether its value is said above the table instead where it is the same in all of several rows.
    """

    heading: str
    right: bool = False
    least: int | None = None
    once: bool = False


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]], wide: int) -> Iterator[str]:
    """Rows of words as lines below their headings, without columns that are empty in all rows.

    Where the table is too wide, the widest of the columns that can be shortened gives way, again and again.

    Args:
        columns: of the table.
        rows: a cell for each column.
        wide: columns of the terminal.
    """
    cells = [[on_one_line(cell) for cell in row] for row in rows]
    values = [{row[place] for row in cells} for place in range(len(columns))]
    said = [place for place, column in enumerate(columns) if column.once and len(cells) > 1 and len(values[place]) == 1]
    kept = [place for place in range(len(columns)) if place not in said and values[place] != {""}]
    if words := [f"{columns[place].heading} {cells[0][place]}" for place in said if cells[0][place]]:
        yield from folded(f"All: {', '.join(words)}", wide)
    columns = [columns[place] for place in kept]
    lines = [[column.heading for column in columns], *([row[place] for place in kept] for row in cells)]
    widths = _fitted(columns, lines, wide)
    for line in lines:
        yield GAP.join(map(_padded, line, widths, (column.right for column in columns))).rstrip()


def others(count: int) -> str:
    """What follows a name that stands for so many others as well; it stays where the name is shortened."""
    return f" (+{count})" if count else ""


def folded(line: str, wide: int, indent: int = 4) -> list[str]:
    """A line broken between words, what follows the first break indented."""
    if len(line) <= wide:
        return [line]
    return wrap(line, wide, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)


def on_one_line(sentence: str) -> str:
    """A sentence in which line breaks and what else steers a terminal, such as files may hold, is spelled out."""
    if sentence.isprintable():
        return sentence
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in sentence)


def _fitted(columns: Sequence[Column], lines: Sequence[Sequence[str]], wide: int) -> list[int]:
    """The columns' widths."""
    from rich.cells import cell_len  # rich itself is slower to import than `m2f --help` takes

    widths = [max(map(cell_len, cells)) for cells in zip(*lines, strict=True)]
    least = [own if column.least is None else column.least for own, column in zip(widths, columns, strict=True)]
    for _ in range(sum(widths) + len(GAP) * (len(widths) - 1) - wide):
        giving = [place for place in range(len(widths)) if widths[place] > least[place]]
        if not giving:
            break
        widths[max(giving, key=widths.__getitem__)] -= 1
    return widths


def _padded(cell: str, wide: int, right: bool) -> str:
    from rich.cells import cell_len

    cell = _shortened(cell, wide)
    room = " " * (wide - cell_len(cell))
    return room + cell if right else cell + room


def _shortened(cell: str, wide: int) -> str:
    from rich.cells import cell_len, set_cell_size

    if cell_len(cell) <= wide:
        return cell
    name, count = OTHERS.fullmatch(cell).groups("")  # type: ignore[union-attr]
    return f"{set_cell_size(name, max(wide - len(count) - 1, 0)).rstrip()}…{count}"
