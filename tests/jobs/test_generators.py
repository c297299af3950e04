"""Finding generators and asking them: whatever one does wrong, it is named, and the others go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import EntryPoint
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.generators import (
    GROUP,
    Brief,
    Conversation,
    DoesNotFit,
    Generators,
    NotNow,
    TemplateGenerator,
    TemplateMistake,
    Writers,
    find_generators,
)
from jobs.generators import asking as module
from jobs.generators.asking import Nonsense, usable
from jobs.generators.template import excerpt, filled, read_templates
from scraper.store.weights import Arm, Kind, Weight

TALK = Conversation("pier", "https://pier.example/1", "Tides are odd. Who knows why?", "ada", "en", seed=3)
GOOD = """
class Good:
    name = "good"
    def arms(self, kind): return ["plain"]
    async def draft(self, about, arm): return f"hello {about.author}"
    async def post(self, brief, arm): return f"on {brief.topic}"
make = Good
"""


class Scripted:
    """A generator that does what it is told."""

    def __init__(self, name: str, does: Callable[[], Any], arms: Sequence[str] = ("plain",)) -> None:
        self.name = name
        self.asked = 0
        self._does = does
        self._arms = arms

    def arms(self, _: Kind) -> Sequence[str]:
        return self._arms

    async def draft(self, _about: Conversation, _arm: str) -> str:
        self.asked += 1
        made = self._does()
        return await made if asyncio.iscoroutine(made) else made  # type: ignore[no-any-return]

    async def post(self, _: Brief, arm: str) -> str:
        return await self.draft(TALK, arm)


def writers(*generators: Scripted, problems: tuple[str, ...] = (), **more: Any) -> Writers:
    return Writers(Generators(generators, problems), Kind.REPLY, {}, Random(1), **more)


def module_of(folder: Path, name: str, text: str) -> EntryPoint:
    (folder / f"{name}.py").write_text(text)
    return EntryPoint(name, f"{name}:make", GROUP)


async def test_an_installed_plug_in_is_found_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module_of(tmp_path, "tide_plugin_good", GOOD)
    info = tmp_path / "tide_plugin_good-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tide-plugin-good\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\nmine = tide_plugin_good:make\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = await find_generators([TemplateGenerator.builtin()])
    assert ([one.name for one in found.found], found.problems) == (["template", "good"], ())
    assert Arm(Kind.REPLY, "good", "plain") in found.arms(Kind.REPLY)


async def test_what_is_wrong_with_a_plug_in_is_named_and_the_others_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    wrong = {
        "tide_a_raises": "raise ZeroDivisionError('no tide')",
        "tide_b_exits": "import sys; sys.exit(3)",
        "tide_c_hangs": "import threading; threading.Event().wait(30)",
        "tide_d_none": "make = lambda: None",
        "tide_e_no_name": GOOD.replace('"good"', '"\\x1b[31m"'),
        "tide_f_fails": "def make(): raise TimeoutError('no key')",
        "tide_h_twice": GOOD,
        "tide_i_no_arms": GOOD.replace('["plain"]', "[7]"),
    }
    plugins = [module_of(tmp_path, name, text) for name, text in wrong.items()]
    plugins += [module_of(tmp_path, "tide_g_good", GOOD), EntryPoint("tide_z_gone", "tide_nowhere:make", GROUP)]
    found = await find_generators(plugins=plugins, load_seconds=0.5)
    assert [one.name for one in found.found] == ["good"]
    says = "\n".join(found.problems)
    assert [line.split()[1] for line in found.problems] == [*wrong, "tide_z_gone"]
    for part in (
        "ZeroDivisionError: no tide",
        "RuntimeError: it raised SystemExit(3)",
        "it was not there within 0.5 s",
        "NoneType is no generator",
        "is no name: 1 to 60 printable characters",
        "TimeoutError: no key",
        "there is a generator 'good' already",
        "7 is no name",
        "No module named 'tide_nowhere'",
    ):
        assert part in says


async def never() -> str:
    await asyncio.Event().wait()
    raise AssertionError


async def holds_on() -> str:
    while True:
        try:
            await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            if ended.is_set():
                raise


ended = asyncio.Event()


async def cancels_itself() -> str:
    raise asyncio.CancelledError


def fails(error: BaseException) -> Callable[[], Any]:
    def do() -> Any:
        raise error

    return do


@pytest.mark.parametrize(
    ("does", "says"),
    (
        (fails(ZeroDivisionError("no tide")), "ZeroDivisionError: no tide"),
        (fails(NotNow("the budget is used up")), "the budget is used up"),
        (fails(SystemExit(3)), "it raised SystemExit(3)"),
        (never, "it had not written anything after 0.05 s"),
        (cancels_itself, "it cancelled itself"),
        (lambda: "", "it gave an empty text"),
        (lambda: " \n\x00\x1b ", "it gave an empty text"),
        (lambda: None, "it gave NoneType instead of a text"),
        (lambda: "x" * 1001, "it gave 1,001 characters, and at most 1,000 are allowed"),
    ),
)
async def test_a_generator_in_trouble_is_named_and_another_one_writes(does: Callable[[], Any], says: str) -> None:
    bad, good = Scripted("bad", does), Scripted("good", lambda: "fine")
    asked = writers(bad, good, write_seconds=0.05)
    while not bad.asked:
        written = await asked.write(TALK)
        assert written is not None
        assert (written.text, written.arm.generator) == ("fine", "good")
    assert asked.troubles == (f"generator bad failed once: {says}",)


async def test_a_generator_that_holds_on_to_its_cancellation_holds_up_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LET_GO_SECONDS", 0.05)
    asked = writers(Scripted("stubborn", holds_on), write_seconds=0.05)
    assert await asked.write(TALK) is None
    [task] = [one for one in asyncio.all_tasks() if one.get_name() == "generator.stubborn"]
    ended.set()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_one_that_failed_twice_or_can_not_now_is_asked_no_more() -> None:
    twice, never_more = Scripted("twice", fails(OSError("gone"))), Scripted("over", fails(NotNow("used up")))
    asked = writers(twice, never_more)
    assert [await asked.write(TALK) for _ in range(5)] == [None] * 5
    assert (twice.asked, never_more.asked, asked.can_write) == (2, 1, False)
    assert set(asked.troubles) == {
        "generator twice failed 2 times: OSError: gone",
        "generator over failed once: used up",
    }


async def test_an_arm_that_does_not_fit_is_no_trouble_and_others_of_its_generator_are_asked() -> None:
    said: Iterator[DoesNotFit | str] = iter([DoesNotFit("no template"), "fine"])

    def do() -> str:
        one = next(said)
        if isinstance(one, str):
            return one
        raise one

    asked = writers(Scripted("picky", do, ("a", "b")))
    written = await asked.write(TALK)
    assert written is not None
    assert (written.text, asked.troubles) == ("fine", ())


async def test_problems_of_plug_ins_that_are_not_there_are_troubles_of_the_run() -> None:
    assert writers(problems=("generator x is left out",)).troubles == ("generator x is left out",)


async def test_who_is_cancelled_cancels_the_generator() -> None:
    began = asyncio.Event()
    heard: list[str] = []

    async def waits() -> str:
        began.set()
        try:
            return await never()
        except asyncio.CancelledError:
            heard.append("cancelled")
            raise

    task = asyncio.create_task(writers(Scripted("slow", waits)).write(TALK))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert heard == ["cancelled"]


async def test_the_arm_that_people_like_writes_most() -> None:
    one = Scripted("one", lambda: "text", ("liked", "disliked"))
    now = datetime.now(UTC)
    weights = {
        Arm(Kind.REPLY, "one", "liked"): Weight(30.0, 2.0, now),
        Arm(Kind.REPLY, "one", "disliked"): Weight(2.0, 30.0, now),
    }
    asked = Writers(Generators((one,)), Kind.REPLY, weights, Random(1), half_life=timedelta(days=30))
    drawn = [written.arm.name for _ in range(50) if (written := await asked.write(TALK))]
    assert drawn.count("liked") == 50


@given(st.text())
def test_what_is_kept_of_a_text_can_be_stored_and_shown(text: str) -> None:
    try:
        kept = usable(text, 1000)
    except Nonsense:
        return
    assert kept == kept.strip() != ""
    assert "\x00" not in kept
    kept.encode()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("lang", ("en", "de-AT", "fr", "es", "ja", None))
async def test_the_templates_that_come_along_write_in_every_arm(lang: str | None, seed: int) -> None:
    made = TemplateGenerator.builtin()
    for arm in made.arms(Kind.REPLY):
        about = Conversation("pier", "u", "Tides are odd. Who knows?", "ada", lang, seed=seed)
        text = usable(await made.draft(about, arm), 300)
        assert text == await made.draft(about, arm)
        assert "{" not in text
        assert not text.startswith(" ")
    for arm in made.arms(Kind.POST):
        assert "tides" in await made.post(Brief("tides", lang, seed=seed), arm)


async def test_another_seed_gives_another_template() -> None:
    made = TemplateGenerator.builtin()
    texts = {
        await made.draft(Conversation("pier", "u", "Tides.", lang="en", seed=seed), "question") for seed in range(3)
    }
    assert len(texts) == 3


OWN = """
otherwise = "nl"
[[templates]]
kind = "reply"
arm = "mine"
lang = "nl"
texts = ["Dag {author}"]
[[templates]]
kind = "reply"
arm = "mine"
lang = "de"
texts = ["Hallo {author}: {excerpt}", "Moin"]
[[templates]]
kind = "reply"
arm = "any"
texts = ["👍 {excerpt}"]
"""


async def test_a_file_of_ones_own_replaces_the_templates(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(OWN, encoding="utf-8")
    made = TemplateGenerator.load(tmp_path / "own.toml")
    assert (made.arms(Kind.REPLY), made.arms(Kind.POST)) == (("mine", "any"), ())
    talk = Conversation("pier", "u", "Ebbe. Flut.", "{site}", "de")
    assert await made.draft(talk, "mine") == "Hallo {site}: Ebbe"
    # Without an author only what needs none fits.
    assert await made.draft(Conversation("pier", "u", "Ebbe", None, "de"), "mine") == "Moin"
    assert await made.draft(Conversation("pier", "u", "Ebb", "ada", "fi"), "mine") == "Dag ada"
    assert await made.draft(Conversation("pier", "u", "Ebb", None, "fi"), "any") == "👍 Ebb"
    with pytest.raises(DoesNotFit):
        await made.draft(Conversation("pier", "u", "Ebb", None, "fi"), "mine")


@pytest.mark.parametrize(
    ("text", "says"),
    (
        ("= 1", "own.toml: it is no TOML"),
        ("", "own.toml: templates: Field required"),
        (
            OWN.replace("{excerpt}", "{excerp}"),
            "own.toml: templates.1: {excerp} can't be filled in for a reply: use {a",
        ),
        (OWN.replace("{author}", "{author.__class__}"), "own.toml: templates.0: {author.__class__} can't be"),
        (OWN.replace('"Moin"', '" "'), "own.toml: templates.1: a text is empty"),
        (OWN.replace('"reply"', '"answer"'), "own.toml: templates.0.kind: Input should be 'reply' or 'post'"),
        (OWN + "lnag = 'x'\n", "own.toml: templates.2.lnag: Extra inputs are not permitted"),
    ),
)
def test_a_mistake_in_a_file_of_templates_is_told_with_its_place(text: str, says: str) -> None:
    with pytest.raises(TemplateMistake) as told:
        read_templates(text, "own.toml")
    assert str(told.value).startswith(says)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(TemplateMistake, match="it can't be read"):
        TemplateGenerator.load(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("text", "quoted"),
    (
        ("Tides are odd. Who knows?", "Tides are odd"),
        ("Is it 3.5 m high? Yes.", "Is it 3.5 m high?"),
        ("潮はふしぎだ。なぜ\uff1f", "潮はふしぎだ"),
        ("first line\nsecond", "first line"),
        ("word " * 40, ("word " * 40)[:79].strip() + "…"),
        ("潮" * 200, "潮" * 80 + "…"),
        ("", None),
        (" \n ", None),
    ),
)
def test_an_excerpt_is_the_first_sentence(text: str, quoted: str | None) -> None:
    assert excerpt(text) == quoted


@given(st.text())
def test_an_excerpt_is_short_and_on_one_line(text: str) -> None:
    found = excerpt(text)
    assert found is None or (0 < len(found) <= 81 and "\n" not in found)


@given(st.text())
def test_what_is_filled_in_is_not_looked_at_again(text: str) -> None:
    assert filled("{author}!", {"author": text}) == f"{text}!"
