"""`tidegate export`: whole tables for other programs."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.store.export import Column
from tests.tidegate.rows import run_sql
from tidegate.encoding import ROW_GROUP_ROWS, CsvEncoder, JsonLinesEncoder, encoder_for
from tidegate.errors import UsageError
from tidegate.export_format import ExportFormat
from tidegate.exporting import since_when

Say = Callable[..., tuple[int, str, str]]
Start = Callable[..., subprocess.Popen[str]]

ODD = 'a "quoted", cell\r\nwith lines 😀 \u2028 and =no formula'
RANGE = '{"views": {"text": "32K"}}'
MANY = 20_000


@pytest.fixture
def dsn(migrated_dsn: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A migrated database of its own, which the commands use."""
    monkeypatch.setenv("TIDEGATE_DATABASE_URL", migrated_dsn)
    return migrated_dsn


@pytest.fixture
def two(dsn: str) -> str:
    """Two posts, one of them with a snapshot."""
    run_sql(
        dsn,
        "insert into posts (site, post_id, url, text, posted_at)"
        " values ('x', '1', 'https://x.com/a/status/1', $1, '2026-01-02T03:04:05+01'),"
        " ('x', '2', 'https://x.com/a/status/2', '=1+1', null)",
        ODD,
    )
    run_sql(dsn, "insert into job_runs (job, status, finished_at) values ('a', 'success', now())")
    run_sql(dsn, "insert into snapshots (post, run, approximate) values (1, 1, $1::text::jsonb)", RANGE)
    return dsn


@pytest.fixture
def many(dsn: str) -> str:
    """More posts than a pipe or a page of them holds."""
    run_sql(
        dsn,
        "insert into posts (site, post_id, url, text)"
        " select 'x', n::text, 'https://x.com/a/status/' || n, repeat('tide ', 40) from generate_series(1, $1) n",
        MANY,
    )
    return dsn


@pytest.mark.database
def test_csv_has_a_header_times_in_utc_nothing_for_unknown_and_no_formula(two: str, say: Say) -> None:
    code, out, err = say("export", "posts")
    assert (code, err) == (0, "")
    first, second = csv.DictReader(io.StringIO(out, newline=""))
    assert first["text"] == ODD
    assert first["posted_at"] == "2026-01-02T02:04:05Z"
    assert (second["posted_at"], second["views"], second["text"]) == ("", "", "'=1+1")
    assert json.loads(first["approximate"]) == {"views": {"text": "32K"}}


@pytest.mark.database
def test_jsonl_has_an_object_a_line_exactly_as_it_is_kept(two: str, say: Say) -> None:
    code, out, _ = say("export", "posts", "--format", "jsonl")
    first, second = (json.loads(line) for line in out.strip("\n").split("\n"))
    assert code == 0
    assert (first["text"], second["text"], second["views"]) == (ODD, "=1+1", None)
    assert first["approximate"] == {"views": {"text": "32K"}}


@pytest.mark.database
def test_parquet_has_types(two: str, say: Say, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    code, out, err = say("export", "posts", "--format", "parquet", "--output", str(tmp_path / "posts.parquet"))
    assert (code, out) == (0, "")
    assert "2 posts in" in err
    first, second = parquet.read_table(tmp_path / "posts.parquet").to_pylist()
    assert (first["id"], first["text"], second["text"]) == (1, ODD, "=1+1")
    assert first["posted_at"] == datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC)


@pytest.mark.database
def test_parquet_of_nothing_is_a_whole_file(dsn: str, say: Say, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    for table in ("posts", "snapshots", "opportunities", "drafts"):
        assert say("export", table, "--format", "parquet", "--output", str(tmp_path / table))[0] == 0
        assert parquet.read_table(tmp_path / table).num_rows == 0


@pytest.mark.database
def test_a_row_group_is_bounded(many: str, say: Say, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    run_sql(many, "insert into posts (site, post_id, url) values ('x', 'last', 'https://x.com/a/status/0')")
    assert say("export", "posts", "--format", "parquet", "--output", str(tmp_path / "posts"))[0] == 0
    file = parquet.ParquetFile(tmp_path / "posts")
    groups = [file.metadata.row_group(place).num_rows for place in range(file.num_row_groups)]
    assert sum(groups) == MANY + 1
    assert len(groups) > 1
    assert max(groups) <= ROW_GROUP_ROWS


@pytest.mark.database
def test_without_pyarrow_it_is_told_how_to_get_it(dsn: str, say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    code, out, err = say("export", "posts", "--format", "parquet", "--output", "-")
    assert (code, out) == (2, "")
    assert "pip install 'tidegate[parquet]'" in err


@pytest.mark.database
@pytest.mark.parametrize("table", ("posts", "snapshots", "opportunities", "drafts"))
def test_an_empty_table_has_a_header_and_no_rows(dsn: str, say: Say, table: str) -> None:
    code, out, err = say("export", table)
    assert (code, err) == (0, "")
    assert out.startswith("id,site,post_id,url,")
    assert out.count("\n") == 1
    assert say("export", table, "--format", "jsonl") == (0, "", "")


@pytest.mark.database
def test_a_filter_that_leaves_nothing_is_told(two: str, say: Say) -> None:
    code, out, err = say("export", "posts", "--site", "twiter", "--since", "7d", "--format", "jsonl")
    assert (code, out) == (0, "")
    assert "there are no posts of the site twiter since" in err


@pytest.mark.database
def test_a_file_is_replaced_when_the_new_one_is_whole(two: str, say: Say, tmp_path: Path) -> None:
    place = tmp_path / "posts.csv"
    place.write_text("before")
    assert say("export", "posts", "--output", str(place))[0] == 0
    assert place.read_text().startswith("id,")
    assert [file.name for file in tmp_path.iterdir()] == ["posts.csv"]


@pytest.mark.database
def test_a_link_goes_on_leading_to_the_file(two: str, say: Say, tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    assert say("export", "posts", "--output", str(tmp_path / "link.csv"))[0] == 0
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text().startswith("id,")


@pytest.mark.database
def test_an_export_that_fails_in_its_midst_leaves_what_was_there(many: str, say: Say, tmp_path: Path) -> None:
    place = tmp_path / "posts.csv"
    place.write_text("before")
    run_sql(many, "alter table posts rename to rows_of_posts")
    run_sql(many, "create view posts as select * from rows_of_posts where 1 / (5000 - id) is not null")
    with pytest.raises(asyncpg.DivisionByZeroError):
        say("export", "posts", "--output", str(place))
    assert place.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == ["posts.csv"]


@pytest.mark.database
@pytest.mark.processes
def test_a_killed_export_leaves_no_half_file_under_its_name(many: str, start: Start, tmp_path: Path) -> None:
    place = tmp_path / "posts.csv"
    process = start("export", "posts", "--output", str(place))
    while process.poll() is None and not any(tmp_path.iterdir()):
        time.sleep(0.001)
    process.kill()
    process.communicate()
    if place.exists():  # it was quicker than we were
        assert len(list(csv.reader(place.open(newline="", encoding="utf-8")))) == MANY + 1


@pytest.mark.database
@pytest.mark.processes
def test_a_reader_who_has_heard_enough_ends_it_quietly(many: str, start: Start) -> None:
    process = start("export", "posts")
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith("id,")
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(60) == 1


@pytest.mark.database
@pytest.mark.processes
def test_a_signal_ends_it_though_nobody_reads(many: str, start: Start) -> None:
    process = start("export", "posts")
    assert process.stdout is not None
    assert process.stdout.readline().startswith("id,")
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 128 + signal.SIGTERM


@pytest.mark.database
def test_a_full_disk_is_told_in_one_line(two: str, say: Say) -> None:
    code, out, err = say("export", "posts", "--output", "/dev/full")
    assert (code, out) == (1, "")
    assert "No space left on device" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "says"),
    (
        (("export",), "Missing argument"),
        (("export", "passwords"), "passwords"),
        (("export", "posts; drop table posts"), "posts; drop table posts"),
        (("export", "posts", "--format", "xml"), "--format"),
        (("export", "posts", "--since", "yesterday"), "--since 'yesterday' is no time"),
    ),
)
def test_wrong_usage(say: Say, words: tuple[str, ...], says: str) -> None:
    code, out, err = say(*words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert says in err


def test_a_machine_without_a_database_gets_none_for_an_export(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEGATE_DATA_DIR", str(tmp_path / "none"))
    code, _, err = say("export", "posts")
    assert code == 1
    assert "there is no database yet" in err
    assert not (tmp_path / "none").exists()


@pytest.mark.database
def test_a_folder_is_no_file(two: str, say: Say, tmp_path: Path) -> None:
    code, _, err = say("export", "posts", "--output", str(tmp_path))
    assert code == 1
    assert "this is a folder" in err
    assert not list(tmp_path.iterdir())


NOON = datetime(2026, 1, 8, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    (
        ("2026-01-02", datetime(2026, 1, 2, tzinfo=UTC)),
        ("2026-01-02T03:04", datetime(2026, 1, 2, 3, 4, tzinfo=UTC)),
        ("2026-01-02T03:04+02:00", datetime(2026, 1, 2, 1, 4, tzinfo=UTC)),
        ("90m", NOON - timedelta(minutes=90)),
        ("24h", NOON - timedelta(hours=24)),
        (" 7D ", NOON - timedelta(days=7)),
        ("2w", NOON - timedelta(weeks=2)),
    ),
)
def test_since_is_a_time_or_an_age(text: str, moment: datetime) -> None:
    assert since_when(text, NOON) == moment


@pytest.mark.parametrize("text", ("", "7", "d", "-7d", "7y", "999999w", "2026-13-01", "0000-01-01", "now"))
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no time"):
        since_when(text, NOON)


cells = st.one_of(
    st.none(),
    st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.datetimes(timezones=st.just(UTC)),
    st.dictionaries(st.text("abc"), st.integers() | st.none() | st.text('=,"\n')),
)
tables = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), max_size=5)
)


@given(tables)
def test_csv_comes_back_cell_by_cell_and_nothing_in_it_is_a_formula(rows: list[list[Any]]) -> None:
    names = [f"c{place}" for place in range(len(rows[0]) if rows else 1)]
    encoder = CsvEncoder(names)
    text = (encoder.head() + encoder.rows(rows) + encoder.tail()).decode()
    header, *back = csv.reader(io.StringIO(text, newline=""))
    assert header == names
    assert len(back) == len(rows)
    for row, read in zip(rows, back, strict=True):
        for value, cell in zip(row, read, strict=True):
            if isinstance(value, str):
                assert cell.removeprefix("'") == value.removeprefix("'")
                assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
            if value is None:
                assert not cell


@given(tables)
def test_jsonl_comes_back_as_it_was_a_line_for_each_row(rows: list[list[Any]]) -> None:
    names = [f"c{place}" for place in range(len(rows[0]) if rows else 1)]
    lines = JsonLinesEncoder(names).rows(rows).split(b"\n")
    assert lines.pop() == b""
    assert len(lines) == len(rows)
    for row, line in zip(rows, lines, strict=True):
        for value, read in zip(row, json.loads(line).values(), strict=True):
            assert read == value or datetime.fromisoformat(read) == value


@given(st.lists(st.lists(st.integers(0, 9), max_size=4), max_size=4))
def test_parquet_comes_back_however_the_rows_came(pages: list[list[int]]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    encoder = encoder_for(ExportFormat.PARQUET, [Column("n", "int8"), Column("t", "text"), Column("j", "jsonb")])
    data = encoder.head()
    for page in pages:
        data += encoder.rows([(n, str(n), {"n": n}) for n in page])
    data += encoder.tail()
    back = parquet.read_table(io.BytesIO(data)).to_pylist()
    assert back == [{"n": n, "t": str(n), "j": f'{{"n": {n}}}'} for page in pages for n in page]
