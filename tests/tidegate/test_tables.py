"""Tables fit their terminals, and short columns can be read in all of them."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from tidegate.formats import table_of

HEADS = ("tier", "score", "text", "url")
ROWS = [("hot", "0.94", "How do tides work? " * 9, "https://pier.example/@ada/post/" + "1" * 60)]


def drawn(width: int) -> list[str]:
    said = io.StringIO()
    console = Console(file=said, width=width)
    console.print(table_of(HEADS, ROWS, roomy="text", width=width))
    return said.getvalue().splitlines()


@pytest.mark.parametrize("width", (40, 60, 80, 120, 400))
def test_a_table_fits_and_its_short_columns_are_whole(width: int) -> None:
    lines = drawn(width)
    assert max(map(len, lines)) <= width
    assert "hot" in lines[3]
    assert "0.94" in lines[3]


def test_where_there_is_room_nothing_but_the_roomy_column_is_cut() -> None:
    assert ROWS[0][3] in drawn(150)[3]
    assert ROWS[0][2].strip() in drawn(400)[3]
