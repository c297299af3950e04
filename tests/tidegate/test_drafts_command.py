"""`tidegate drafts`, as a person uses it."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta

import pytest

from scraper.store import drafts, planned
from scraper.store.database import Database
from scraper.store.drafts import DailyLimits
from scraper.store.weights import Arm, Kind
from tidegate.cli import app
from tidegate.running import exit_code_of

Said = tuple[int, str, str]
Say = Callable[..., Said]

ARM, POST_ARM = Arm(Kind.REPLY, "template", "question"), Arm(Kind.POST, "template", "note")
NASTY = "How do tides work?\n\x1b[31mred\x1b[0m \u202etxet\u202c ```\n```text\nline"


@pytest.fixture
def say(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, migrated_dsn: str) -> Say:
    """`say("list")` runs `tidegate drafts list` on a database of its own."""
    monkeypatch.setenv("TIDEGATE_DATABASE_URL", migrated_dsn)

    def run(*words: str) -> Said:
        code = exit_code_of(lambda: app(["drafts", *words], standalone_mode=False))
        out, err = capfd.readouterr()
        return code, out, err

    return run


@pytest.fixture
def written(migrated_dsn: str) -> None:
    """Two drafts and a planned post that wait."""
    import asyncio  # noqa: PLC0415 commands have a loop of their own

    async def work() -> None:
        async with Database(migrated_dsn) as database:
            await database.pool.execute(
                "insert into job_runs (job, status, finished_at) values ('reply', 'success', now())"
            )
            for number, text in enumerate((NASTY, "=1+1 is a formula, isn't it?"), 1):
                await database.pool.execute(
                    "insert into opportunities (site, post_id, url, author, text, likes, score, tier, because,"
                    " run, expires_at) values ('pier', $1, 'https://pier.example/' || $1, $2, $3, 7, 0.5, 'hot',"
                    " 'young', 1, now() + interval '5 hours')",
                    *(str(number), f"\x1b]0;w{number}\x07ada", text),
                )
                limits = DailyLimits(9, 9)
                await drafts.add(database, 1, number, ARM, f"=What {number}\x1b[2J?\n- really?", limits=limits)
            await planned.add(
                database,
                1,
                "tides",
                POST_ARM,
                "Notes on tides.",
                posts_a_day=9,
                keep=timedelta(days=1),
                seen_up_to=0,
                is_new=lambda _: True,
            )

    with asyncio.Runner() as runner:
        runner.run(work())


@pytest.mark.database
def test_what_waits_is_listed_and_nothing_in_it_moves_the_terminal(say: Say, written: None) -> None:
    code, out, err = say("list")
    assert (code, err) == (0, "")
    assert "=What 1[2J? - really?" in out
    assert "\x1b" not in out
    assert "\x07" not in out
    code, out, _ = say("list", "--planned")
    assert (code, "p1" in out, "Notes on tides." in out) == (0, True, True)
    assert say("list", "--state", "rejected") == (0, "No drafts rejected\n", "")


@pytest.mark.database
def test_a_list_that_is_cut_says_so(say: Say, written: None) -> None:
    code, out, err = say("list", "--limit", "1")
    assert (code, "w2" in out, err) == (0, False, "There are more than 1: --limit shows them.\n")


@pytest.mark.database
def test_a_draft_is_shown_beside_its_conversation(say: Say, written: None) -> None:
    code, out, _ = say("show", "1")
    assert code == 0
    assert out.index("How do tides work?") < out.index("Draft 1 · waiting · template/question") < out.index("=What 1")
    assert "https://pier.example/1" in out
    assert "7 likes" in out
    assert not set(out) & {"\x1b", "\x07", "\u202e"}
    code, out, _ = say("show", "p1")
    assert (code, "Topic: tides" in out, "Notes on tides." in out) == (0, True, True)


@pytest.mark.database
def test_from_a_draft_to_a_post_by_hand(say: Say, written: None) -> None:
    assert say("approve", "1", "p1", "--by", "grace") == (0, "1 approved\np1 approved\n", "")
    assert say("approve", "2", "--text", " Why? ")[:2] == (0, "2 approved\n")
    exported = [json.loads(line) for line in say("export", "--format", "jsonl")[1].splitlines()]
    assert [(row["id"], row["text"], row["url"]) for row in exported] == [
        ("1", "=What 1\x1b[2J?\n- really?", "https://pier.example/1"),
        ("2", "Why?", "https://pier.example/2"),
    ]
    assert say("posted", "1", "--url", "https://pier.example/99") == (0, "1 noted as posted\n", "")
    assert [json.loads(line)["id"] for line in say("export", "--format", "jsonl")[1].splitlines()] == ["2"]
    assert "posted on" in say("show", "1")[1]
    assert "answered" in say("show", "1")[1]
    assert "As it was written" in say("show", "2")[1]
    assert json.loads(say("export", "--format", "jsonl", "--planned")[1])["id"] == "p1"


@pytest.mark.database
def test_an_export_holds_nothing_that_a_spreadsheet_or_markdown_would_obey(say: Say, written: None) -> None:
    say("approve", "1", "2")
    rows = list(csv.DictReader(io.StringIO(say("export", "--format", "csv")[1])))
    assert [row["id"] for row in rows] == ["1", "2"]
    assert rows[1]["conversation"].startswith("'=1+1")
    assert rows[0]["text"].startswith("'=What 1")
    out = say("export")[1]
    assert "\x1b" not in out
    # What strangers wrote holds a fence of three: the one around it is longer.
    assert "````text\nHow do tides work?" in out
    assert "tidegate drafts posted 2" in out


@pytest.mark.database
def test_rejecting_says_why_and_another_draft_can_be_asked_for(say: Say, written: None) -> None:
    assert say("reject", "1", "--why", "too polite", "--again", "--by", "grace") == (0, "1 rejected\n", "")
    shown = say("show", "1")[1]
    assert "rejected by grace on" in shown
    assert "too polite" in shown
    assert " · open · " in shown
    assert say("reject", "2", "p1", "--why", "no")[:2] == (0, "2 rejected\np1 rejected\n")


@pytest.mark.database
@pytest.mark.parametrize(
    ("words", "code", "says"),
    (
        (("approve", "x1"), 2, "tidegate: 'x1' is no draft: write 12 for a draft, p12 for a planned post."),
        (("approve", "0"), 2, "tidegate: '0' is no draft"),
        (("approve", "1", "2", "--text", "t"), 2, "tidegate: --text is for one draft: name one."),
        (("approve", "1", "--text", " "), 2, "tidegate: --text is empty"),
        (("posted", "1", "2", "--url", "u"), 2, "tidegate: --url is for one draft: name one."),
        (("reject", "p1", "--why", "no", "--again"), 2, "tidegate: --again is for replies"),
        (("reject", "1"), 2, "tidegate: "),
        (("posted", "1"), 1, "tidegate: draft 1 can't be noted as posted: it waits for a decision"),
        (("show", "9"), 1, "tidegate: there is no draft 9; `tidegate drafts list` shows which there are"),
        (("show", "p9"), 1, "tidegate: there is no planned post p9"),
        (("approve", "999999999999999999"), 1, "tidegate: there is no draft 999999999999999999"),
    ),
)
def test_what_can_not_be_done_is_said_in_one_line(
    say: Say, written: None, words: tuple[str, ...], code: int, says: str
) -> None:
    got, out, err = say(*words)
    assert (got, out, err.count("\n")) == (code, "", 1)
    assert err.startswith(says)


@pytest.mark.processes
def test_the_commands_load_neither_playwright_nor_asyncpg() -> None:
    code = (
        "import sys\nimport tidegate.commands.drafts\n"
        "print([name for name in ('playwright', 'asyncpg', 'httpx2') if name in sys.modules])"
    )
    said = subprocess.run(  # noqa: S603 our own code
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert said == "[]\n"


@pytest.mark.database
@pytest.mark.usefixtures("written")
def test_json_has_all_that_is_known_and_nothing_that_a_terminal_obeys(say: Say) -> None:
    code, out, _ = say("list", "--json")
    listed = json.loads(out)
    assert (code, [one["id"] for one in listed], listed[0]["state"]) == (0, ["1", "2"], "waiting")
    code, out, _ = say("show", "1", "--json")
    assert (code, json.loads(out)["conversation"]) == (0, NASTY)
    assert not {"\x1b", "\u202e", "\u202c"} & set(out)
    code, out, _ = say("show", "p1", "--json")
    assert (code, json.loads(out)["id"], json.loads(out)["text"]) == (0, "p1", "Notes on tides.")
    assert say("list", "--state", "approved", "--json")[:2] == (0, "[]\n")
