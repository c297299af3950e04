"""A number that is still on its way is not read as a count. Each page is read, or collected from, as by a job."""

from __future__ import annotations

from typing import Any

import pytest

from scraper.outcome import Outcome
from tests.needs import rest_slow
from tests.seen.conftest import Collect, Read, likes_of, mole, page, post

pytestmark = pytest.mark.browser

SLOW = "\0{}"
"""After a body: so many seconds pass before it comes."""

RUN_UP = """<script>
const from = %s, seconds = %s;
for (const one of document.querySelectorAll('.likes')) {
  const to = Number(one.dataset.to || one.textContent);
  one.textContent = Math.round(to * from);
  new IntersectionObserver((seen, observer) => {
    if (!seen[0].isIntersecting) return;
    observer.disconnect();
    const began = performance.now();
    const tick = () => {
      const part = Math.min(1, (performance.now() - began) / (1000 * seconds));
      one.textContent = Math.round(to * (from + (1 - from) * part)).toLocaleString('en');
      if (part < 1) %s;
    };
    tick();
  }).observe(one);
}</script>"""
FAR_APART = "<style>article { margin-bottom: 900px }</style>"
EVERY_FRAME, BY_A_TIMER = "requestAnimationFrame(tick)", "setTimeout(tick, 40)"
ENDS = {str(number): number * 1000 + 7 for number in (1, 2, 3)}
POSTS = "".join(post(number, str(likes)) for number, likes in ENDS.items())


@pytest.mark.parametrize(
    ("from_", "seconds", "tick"),
    (
        (0.3, 1.0, EVERY_FRAME),
        pytest.param(0, 1.5, EVERY_FRAME, marks=pytest.mark.slow),
        pytest.param(0, 0.5, BY_A_TIMER, marks=pytest.mark.slow),
    ),
)
async def test_a_count_that_runs_up_is_read_at_its_end(read: Read, from_: float, seconds: float, tick: str) -> None:
    report = await read(page(POSTS, RUN_UP % (from_, seconds, tick)))
    assert likes_of(report) == ENDS


FIRST_STEP = """<script>let likes = 0;
const step = () => {
  document.querySelector('.likes').textContent = likes += 7;
  if (likes < 70) requestAnimationFrame(step);
};
%s</script>"""
BROUGHT = f"setTimeout(() => {{ document.body.innerHTML = `{post(1, '')}`; step() }}, 150)"
STEPPED = {
    "from 0": page(post(1, "0"), FIRST_STEP % "step()"),
    "from nothing": page(post(1, ""), FIRST_STEP % "step()"),
    "with its post": page(FIRST_STEP % BROUGHT),
}


@pytest.mark.parametrize("kind", rest_slow(STEPPED))
async def test_a_count_that_has_taken_its_first_step_before_it_is_looked_at_is_read_at_its_end(
    read: Read, kind: str
) -> None:
    # How far the page is when the reading begins is not the same each time.
    assert [likes_of(await read(STEPPED[kind], path="/p/1")) for _ in range(6)] == [{"1": 70}] * 6


async def test_a_count_that_runs_up_once_it_is_in_view_is_read_at_its_end(read: Read, collect: Collect) -> None:
    html = page(POSTS, RUN_UP % (0, 0.8, EVERY_FRAME), head=FAR_APART)
    assert likes_of(await read(html)) == ENDS
    assert likes_of(await collect(html)) == ENDS


FILL = """<script>setTimeout(() => fetch('/counts').then((answer) => answer.json()).then((counts) => {
  document.querySelectorAll('.likes').forEach((one, place) => { one.textContent = counts[place] });
}), %d)</script>"""
COUNTS = {"/counts": "[4321, 87]"}


@pytest.mark.parametrize("milliseconds", rest_slow((300, 0)))
async def test_a_0_that_a_script_fills_in_later_is_not_read(read: Read, collect: Collect, milliseconds: int) -> None:
    html = page(post(1, "0"), post(2, "0"), FILL % milliseconds)
    filled = {"1": 4321, "2": 87}
    assert likes_of(await read(html, others=COUNTS)) == filled
    assert likes_of(await collect(html, others=COUNTS)) == filled
    assert likes_of(await read(html, others=COUNTS, path="/p/1")) == filled


async def test_what_the_page_has_asked_for_is_waited_for(read: Read, collect: Collect) -> None:
    html = page(post(1, "5"), post(2, "6"), FILL % 0)
    slow = {"/counts": "[4321, 87]" + SLOW.format(0.5)}
    filled = {"1": 4321, "2": 87}
    assert likes_of(await read(html, others=slow)) == filled
    assert likes_of(await collect(html, others=slow)) == filled


async def test_a_0_is_unknown_while_the_page_waits_for_an_answer(read: Read) -> None:
    never = {"/counts": "[4321, 87]" + SLOW.format(60)}
    report = await read(page(post(1, "0"), post(2, "7"), FILL % 0), others=never)
    assert likes_of(report) == {"1": None, "2": 7}
    assert report.posts[0].warnings == ("likes: 0, while the page waits for an answer",)


async def test_a_0_that_stays_is_a_0(read: Read, collect: Collect) -> None:
    html = page(post(1, "0"), post(2, "12"), "<script>document.title = 'Mole'</script>")
    assert likes_of(await read(html)) == {"1": 0, "2": 12}
    assert likes_of(await collect(html)) == {"1": 0, "2": 12}


async def test_a_0_is_unknown_where_other_posts_got_their_numbers_later(read: Read) -> None:
    script = "<script>setTimeout(() => { document.querySelector('.likes').textContent = 5 }, 200)</script>"
    report = await read(page(post(1, "0"), post(2, "0"), script))
    assert likes_of(report) == {"1": 5, "2": None}
    assert report.posts[1].warnings == ("likes: 0, where other posts got their numbers later",)


async def test_a_count_that_moves_without_end_is_unknown(read: Read) -> None:
    ticking = """<script>let n = 100;
      setInterval(() => { document.querySelector('.likes').textContent = ++n }, 50)</script>"""
    report = await read(page(post(1, "100"), post(2, "7"), ticking), definition=mole())
    assert report.outcome is Outcome.OK
    assert likes_of(report) == {"1": None, "2": 7}
    assert report.posts[0].warnings[0].startswith("likes: still moving: ")


async def test_a_reel_that_turns_is_read_when_it_stands(read: Read) -> None:
    digits = "".join(f"<i>{number}</i>" for number in range(10))
    reel = f'<span class="reel"><span class="turning">{digits}</span></span>'
    style = """<style>
      .reel { display: inline-block; height: 20px; line-height: 20px; overflow: hidden; vertical-align: top }
      .reel i { display: block; height: 20px } .turning { display: block; animation: turn 1s both }
      @keyframes turn { to { transform: translateY(-140px) } }
    </style>"""
    assert likes_of(await read(page(post(1, reel), head=style))) == {"1": 7}


async def test_a_page_that_goes_on_changing_elsewhere_is_read(read: Read) -> None:
    clock = """<b id=clock>0</b><script>setInterval(() => { clock.textContent = Date.now() }, 20)</script>"""
    assert likes_of(await read(page(post(1, "12"), clock))) == {"1": 12}


@pytest.mark.slow
async def test_a_label_that_goes_on_changing_says_nothing(read: Read) -> None:
    layout: Any = mole().model_dump(exclude_unset=True)["layouts"][0]
    label = {"css": ".all", "words": {"views": ["views"], "reposts": ["reposts"]}}
    labelled = mole(layouts=[{**layout, "items": [{**layout["items"][0], "counts": label}]}])
    ticking = """<script>let n = 100;
      setInterval(() => { document.querySelector('.all').textContent = `${++n} views, 3 reposts` }, 50)</script>"""
    html = post(1, "7", more="<i class=all>100 views, 3 reposts</i>") + post(2, "8", more="<i class=all>5 views</i>")
    first, second = (await read(page(html, ticking), definition=labelled)).posts
    assert (first.likes, first.views, first.reposts, second.views) == (7, None, None, 5)
    assert first.warnings[0].startswith("counts: still moving: ")


async def test_a_0_that_json_contradicts_is_unknown(read: Read) -> None:
    layout: Any = mole().model_dump(exclude_unset=True)["layouts"][0]
    kind = layout["items"][0]
    records = [{"script": "script[type='application/json']", "having": "likes", "id": "id"}]
    likes = [{"record": "likes"}, {"css": ".likes"}]
    told = mole(
        layouts=[{**layout, "items": [{**kind, "records": records, "fields": {**kind["fields"], "likes": likes}}]}]
    )
    script = '<script type="application/json">[{"id": "1", "likes": 5}, {"id": "2", "likes": 6}]</script>'
    first, second = (await read(page(post(1, "0"), post(2, "6"), script), definition=told)).posts
    assert (first.likes, first.warnings) == (None, ("likes: the page says both 5 and 0",))
    assert second.likes == 6
