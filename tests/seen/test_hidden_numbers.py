"""What a person can't see is no digit of a count. Each kind is a post of one page, read as a job reads it."""

from __future__ import annotations

from typing import Any

import pytest

from scraper.outcome import Outcome
from tests.seen.conftest import Read, likes_of, mole, page, post

pytestmark = pytest.mark.browser

EARS = "position:absolute;width:1px;height:1px;overflow:hidden;clip:rect(0 0 0 0);white-space:nowrap"
STYLE = """<style>
  .title { color: navy } .ears { EARS } .gone { display: none } .none::before { content: none }
  .tens::before { content: "1" } .thousands::after { content: "K" } .dot::after { content: " \\00b7 " }
  .told::before { content: attr(data-n) } .counted { counter-reset: n 12 } .counted::after { content: counter(n) }
  .reel { display: inline-block; height: 1.2em; line-height: 1.2em; overflow: hidden; vertical-align: top }
  .reel i { display: block; font-style: normal; height: 1.2em }
  .column { display: inline-block; width: 1ch; height: 1.2em; line-height: 1.2em; overflow: hidden }
  .column b { display: block; white-space: pre; font-weight: normal }
  .flip { display: flex } .over { position: relative } .over i { position: absolute; left: 0; top: 0 }
</style>""".replace("EARS", EARS)


def reel(digit: int) -> str:
    """All ten digits, of which the window shows one."""
    digits = "".join(f"<i>{number}</i>" for number in range(10))
    return (
        f'<span class="reel"><span style="display:block;transform:translateY(-{digit * 10}%)">{digits}</span></span>'
    )


def column(digit: int) -> str:
    """The same in one text of ten lines."""
    lines = "\n".join(map(str, range(10)))
    return f'<span class="column"><b style="margin-top:{-1.2 * digit}em">{lines}</b></span>'


HIDDEN = {
    "the attribute hidden": "<i hidden>99</i>7",
    "display: none": "7<i style='display:none'>9</i>",
    "display: none by a class": "<i class=gone>9</i>7",
    "visibility: hidden": "<i style='visibility:hidden;position:absolute'>9</i>7",
    "opacity 0 of what it is in": "<i style='opacity:0'><b>9</b></i>7",
    "hardly any opacity": "<i style='opacity:.02'>9</i>7",
    "a filter that hides": "<i style='filter:opacity(0)'>9</i>7",
    "clip": "<i style='position:absolute;clip:rect(0,0,0,0)'>9</i>7",
    "clip-path: inset": "<i style='clip-path:inset(50%)'>9</i>7",
    "clip-path: circle": "<i style='clip-path:circle(0)'>9</i>7",
    "clip-path: polygon": "<i style='clip-path:polygon(0 0, 0 0, 0 0)'>9</i>7",
    "left of the page": "<i style='position:absolute;left:-9999px'>9</i>7",
    "above the page": "<i style='position:absolute;top:-9999px'>9</i>7",
    "far to the right": "<i style='position:fixed;left:99999px'>9</i>7",
    "a box of no size": "<i style='display:inline-block;width:0;height:0;overflow:hidden'>9</i>7",
    "transform: scale(0)": "<i style='display:inline-block;transform:scale(0)'>9</i>7",
    "text-indent": "<i style='display:inline-block;text-indent:-9999px;overflow:hidden'>9</i>7",
    "font-size 0": "<i style='font-size:0'>9</i>7",
    "a transparent colour": "<i style='color:transparent'>9</i>7",
    "a transparent colour in numbers": "<i style='color:rgb(0 0 0 / 0)'>9</i>7",
    "content-visibility: hidden": "<i style='display:block;content-visibility:hidden'>9</i>7",
    "details that are closed": "<details><summary>7</summary><i>9</i></details>",
    "an old value in s": "<s>9</s> 7",
    "an old value in del": "<del>9</del>7",
    "an old value by its line": "<i style='text-decoration:line-through'>9</i> 7",
    "a template": "<template><i>9</i></template>7",
    "noscript": "<noscript><i>9</i></noscript>7",
    "a script": "<script type='text/x-note'>9</script>7",
    "a reel of all ten digits": reel(7),
    "a column of ten lines": column(7),
    "the next state of a button": "<button><i>7</i><i style='display:none'>8</i></button>",
    "what no slot takes": "<a-slotted><i slot=there>7</i><i>9</i></a-slotted>",
}


async def test_what_a_person_can_not_see_is_no_digit_of_a_count(read: Read) -> None:
    slots = (
        "<script>customElements.define('a-slotted', class extends HTMLElement { connectedCallback() {"
        " this.attachShadow({ mode: 'open' }).innerHTML = '<slot name=there></slot>' } })</script>"
    )
    report = await read(page(*(post(name, html) for name, html in HIDDEN.items()), slots, head=STYLE))
    assert report.outcome is Outcome.OK
    assert likes_of(report) == dict.fromkeys(HIDDEN, 7)


SEEN = {
    "digits in elements of their own": ("<i>1</i><i>,</i><i>2</i><i>3</i><i>4</i>", 1234),
    "reels": (reel(4) + reel(0) + reel(7), 407),
    "reels with a point": (reel(1) + "<span class=reel>,</span>" + reel(2) + reel(3) + reel(4), 1234),
    "columns": (column(5) + column(6), 56),
    "a pseudo-element with a digit": ("<i class=tens>2</i>", 12),
    "a pseudo-element with all of it": ("<i class=told data-n=12></i>", 12),
    "a pseudo-element without": ("<i class='none dot'>12</i>", 12),
    "a picture of its gradient": (
        "<i style='background:linear-gradient(red,blue);-webkit-background-clip:text;color:transparent'>12</i>",
        12,
    ),
    "what can be scrolled to": ("<i style='display:block;height:9px;overflow:auto'><b>&nbsp;<br>12</b></i>", 12),
    "out of a box that holds no position": (
        "<i style='display:inline-block;width:0;height:0;overflow:hidden'><b style='position:absolute'>12</b></i>",
        12,
    ),
    "for eyes and for ears": (f"<i aria-hidden=true>56</i><i style='{EARS}'>56</i>", 56),
    "something else for ears": (f"<i>56</i><i style='{EARS}'>560</i>", 56),
    "only for ears": (f"<i style='{EARS}'>56</i>", 56),
    "cut for eyes and whole for ears": (f"<i aria-hidden=true>1.2K</i><i class=ears>1,234</i>", 1234),  # noqa: F541
    "what is hidden from ears": ("<i aria-hidden=true>56</i>", 56),
    "the words are for ears": ("56<i class=ears> </i>", 56),
    "in an open shadow root": ("<a-shadow></a-shadow>", 42),
}


async def test_what_a_person_sees_is_read_however_it_is_made(read: Read) -> None:
    shadow = (
        "<script>customElements.define('a-shadow', class extends HTMLElement { connectedCallback() {"
        " this.attachShadow({ mode: 'open' }).innerHTML = '<b>4</b><b>2</b>' } })</script>"
    )
    report = await read(page(*(post(name, html) for name, (html, _) in SEEN.items()), shadow, head=STYLE))
    assert likes_of(report) == {name: likes for name, (_, likes) in SEEN.items()}


UNSURE = {
    "two numbers side by side": "<i>12</i> <i>345</i>",
    "two numbers in boxes": "<i style='display:inline-block;margin-right:2em'>12</i><i>345</i>",
    "two numbers in lines": "<div>12</div><div>7</div>",
    "one over the other": "<i class=over>12<i>7</i></i>",
    "both show, and screen readers are told one": "<i aria-hidden=true>56</i> <i>560</i>",
    "a counter of the style sheet": "<i class=counted></i>",
    "nothing but what is hidden": "<i hidden>99</i>",
    "nothing but an old value": "<s>99</s>",
    "digits in the other order": "<i class=flip style='flex-direction:row-reverse'><b>1</b><b>2</b></i>",
}


async def test_what_can_not_be_told_apart_is_unknown_with_a_warning(read: Read) -> None:
    report = await read(page(post(1, "5"), *(post(name, html) for name, html in UNSURE.items()), head=STYLE))
    assert likes_of(report) == {"1": 5, **dict.fromkeys(UNSURE)}
    warned = {one.id for one in report.posts if any(said.startswith("likes: ") for said in one.warnings)}
    assert warned == set(UNSURE)
    assert [one.approximate for one in report.posts if one.approximate] == []


async def test_an_abbreviation_that_a_style_sheet_writes_is_part_of_the_count(read: Read) -> None:
    report = await read(page(post(1, "<i class=thousands>12</i>"), head=STYLE))
    assert report.posts[0].likes is None
    assert report.posts[0].approximate["likes"].low == 11_500


async def test_of_several_places_the_one_that_shows_is_read(read: Read) -> None:
    twin = '<span class="{0}" hidden data-views="9">9</span><span class="{0}" data-views="7">7</span>'
    both = twin.format("likes views")
    report = await read(page(f"<article data-mole=1><b class=title>One</b>{both}</article>"))
    assert (report.posts[0].likes, report.posts[0].views) == (7, 7)


async def test_of_a_post_that_is_there_twice_the_one_that_shows_is_read(read: Read) -> None:
    report = await read(page(f"<div hidden>{post(1, '9')}</div>", post(1, "7"), f"<div hidden>{post(2, '3')}</div>"))
    # A post that is hidden as a whole, as in a list that is folded up, has the count that it has.
    assert likes_of(report) == {"1": 7, "2": 3}


MARKUP = {
    "hidden": ("<i hidden>9</i>7", 7),
    "an inline style": ("<i style='display:none'>9</i>7", 7),
    "eyes and ears by a class": ("<i aria-hidden=true>56</i><i class='sr-only'>56</i>", 56),
    "another class": ("<i>56</i><i class='visually-hidden'>56 likes</i>", 56),
    "a third class": ("<i>56</i><i class='screen-reader-text'>560</i>", 56),
    "eyes and ears by aria-hidden alone": ("<i aria-hidden=true>56</i><i>56</i>", 56),
    "two numbers": ("<i>56</i><i>57</i>", None),
    "two digits": ("<i>5</i><i>6</i>", None),
    "one number": ("<i>5,678</i>", 5678),
}


@pytest.mark.parametrize("sheet", (None, "/blocked.css", "/gone.css"))
async def test_without_styles_hidden_is_what_the_markup_says(read: Read, sheet: str | None) -> None:
    head = f"<link rel=stylesheet href={sheet}>" if sheet else ""
    report = await read(page(*(post(name, html) for name, (html, _) in MARKUP.items()), head=head))
    assert likes_of(report) == {name: likes for name, (_, likes) in MARKUP.items()}


async def test_a_page_inside_noscript_is_read_by_its_markup(read: Read) -> None:
    layouts: Any = mole().model_dump(exclude_unset=True)["layouts"]
    inside = mole(layouts=[{**layouts[0], "inside_noscript": True}])
    posts = "".join(post(name, html) for name, (html, _) in MARKUP.items())
    report = await read(page(f"<noscript>{posts}</noscript>"), definition=inside)
    assert likes_of(report) == {name: likes for name, (_, likes) in MARKUP.items()}
