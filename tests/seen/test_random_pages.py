"""Pages made at random of numbers that show and numbers that do not, that move and that come late.

Whatever stands there, no count is read that a person would not read on the page, a second after it all stood still.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from browser_pool import Lease, UnifiedBrowserPool
from scraper.addresses import AddressPolicy
from scraper.visit import Visitor, VisitSettings
from tests.needs import rest_slow
from tests.seen.conftest import Serve, mole, page, post

pytestmark = pytest.mark.browser

SEEDS = (1, 2, 3, 4)
POSTS = 60
EARS = "position:absolute;width:1px;height:1px;overflow:hidden;clip:rect(0 0 0 0);white-space:nowrap"
HIDING = (
    "display:none",
    "visibility:hidden",
    "opacity:0",
    "font-size:0",
    "color:transparent",
    "position:absolute;left:-9999px",
    "display:inline-block;width:0;height:0;overflow:hidden",
    "display:inline-block;transform:scale(0)",
    "clip-path:inset(100%)",
    "display:block;content-visibility:hidden",
    "text-decoration:line-through",
    EARS,
)
WRAPPERS = ("{}", "<i>{}</i>", "<b><i>{}</i></b>", "<button>{}</button>", "<i style='overflow:hidden'>{}</i>")
SCRIPT = """<script>
for (const one of document.querySelectorAll('[data-late]')) {
  setTimeout(() => { one.textContent = one.dataset.to }, Number(one.dataset.late));
}
for (const one of document.querySelectorAll('[data-run]')) {
  const to = Number(one.dataset.to), began = performance.now();
  const tick = () => {
    const part = Math.min(1, (performance.now() - began) / Number(one.dataset.run));
    one.textContent = Math.round(to * part);
    if (part < 1) requestAnimationFrame(tick);
  };
  tick();
}
for (const one of document.querySelectorAll('[data-next]')) {
  setTimeout(() => { one.nextElementSibling.style = ''; one.remove() }, 150);
}
</script>"""
SHOWN = """() => {
  const seen = {};
  for (const post of document.querySelectorAll('[data-mole]')) {
    const likes = post.querySelector('.likes');
    for (const one of [...likes.querySelectorAll('*')].reverse()) {
      const style = getComputedStyle(one), box = one.getBoundingClientRect();
      const isAway = box.right + scrollX <= 0 || box.width < 2 || box.height < 2;
      const isClear = style.color === 'rgba(0, 0, 0, 0)' || style.opacity === '0' || style.fontSize === '0px';
      const isCut = style.clipPath !== 'none' || style.textDecorationLine === 'line-through';
      if (!one.checkVisibility() || isAway || isClear || isCut || style.contentVisibility === 'hidden') one.remove();
    }
    seen[post.dataset.mole] = likes.innerText;
  }
  return JSON.stringify(seen);
}"""


def hidden(chance: random.Random) -> str:
    """A number that nobody sees."""
    if chance.random() < 0.2:
        return f"<span hidden>{chance.randrange(1, 9999)}</span>"
    return f'<span style="{chance.choice(HIDING)}">{chance.randrange(1, 9999)}</span>'


def still(chance: random.Random, number: int) -> str:
    """A number that stands."""
    if chance.random() < 0.2:
        return "".join(f"<u>{digit}</u>" for digit in str(number))
    return chance.choice(WRAPPERS).format(number)


def late(chance: random.Random, number: int) -> str:
    """A number that a script writes."""
    return f'<span data-late="{chance.randrange(0, 350)}" data-to="{number}">0</span>'


def running(chance: random.Random, number: int) -> str:
    """A number that counts up."""
    return f'<span data-run="{chance.randrange(300, 1500)}" data-to="{number}">0</span>'


def doubled(chance: random.Random, number: int) -> str:
    """A number for eyes and one for ears, which are one or are not."""
    spoken = chance.choice((number, number, number + chance.randrange(1, 500)))
    return f'<span aria-hidden="true">{number}</span><span style="{EARS}">{spoken}</span>'


def replaced(chance: random.Random, number: int) -> str:
    """A number that takes the place of another."""
    return f"<span data-next>{chance.randrange(1, 9)}</span><span style='display:none'>{number}</span>"


def apart(chance: random.Random, number: int) -> str:
    """Two numbers."""
    return f"<span>{number}</span>{chance.choice((' ', '<br>', ', '))}<span>{chance.randrange(1, 999)}</span>"


KINDS: tuple[Callable[[random.Random, int], str], ...] = (still, still, late, running, doubled, replaced, apart)


def likes(chance: random.Random, kinds: tuple[Callable[[random.Random, int], str], ...]) -> str:
    """What stands in a post for its likes."""
    number = chance.choice((0, chance.randrange(1, 10), chance.randrange(10, 1000), chance.randrange(1000, 10**6)))
    parts = [chance.choice(kinds)(chance, number), *(hidden(chance) for _ in range(chance.randrange(3)))]
    chance.shuffle(parts)
    return "".join(parts)


async def read_and_look(lease: Lease, url: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The counts that a job reads, and what a person reads there a second later."""

    visitor = Visitor(AddressPolicy(allow_private=True), VisitSettings(page_seconds=30))
    report = await visitor.read(lease, url, mole())
    await asyncio.sleep(1)
    seen: dict[str, str] = json.loads(await lease.evaluate(SHOWN))
    return {one.id: one for one in report.posts}, seen


@pytest.mark.parametrize("kinds", (KINDS, (still, doubled, apart)), ids=("moving", "still"))
@pytest.mark.parametrize("seed", rest_slow(SEEDS))
async def test_no_count_is_read_that_does_not_show(
    pool: UnifiedBrowserPool, serve: Serve, seed: int, kinds: tuple[Callable[[random.Random, int], str], ...]
) -> None:
    chance = random.Random(seed)
    html = page(*(post(number, likes(chance, kinds)) for number in range(1, POSTS + 1)), SCRIPT)
    address = await serve({"/": html})
    async with pool.lease(site="mole", deadline=60, needs_page=False) as lease:
        read, seen = await read_and_look(lease, f"{address}/")
    assert len(seen) == POSTS
    shown = {key: "".join(text.split()) for key, text in seen.items()}
    wrong = {
        key: (one.likes, seen[key])
        for key, one in read.items()
        if one.likes is not None and str(one.likes) != shown[key]
    }
    assert wrong == {}
    # Most can be told.
    assert sum(one.likes is not None for one in read.values()) > POSTS / 3
