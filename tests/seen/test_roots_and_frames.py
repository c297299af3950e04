"""Posts in an open shadow root or in a frame of the same site are read; what is in others is said not to be."""

from __future__ import annotations

import pytest

from scraper.outcome import Outcome
from tests.seen.conftest import Collect, Read, Serve, likes_of, page, post

pytestmark = pytest.mark.browser

TWO = post(1, "7") + post(2, "8")
SHADOW = "<template shadowrootmode=open>"
PAGES = {
    "open": f'<div id=host></div><script>host.attachShadow({{ mode: "open" }}).innerHTML = `{TWO}`</script>',
    "declared": f"<my-feed><template shadowrootmode=open>{TWO}</template></my-feed>",
    "nested": f"<a-b>{SHADOW}<c-d>{SHADOW}{TWO}</template></c-d></template></a-b>",
    "frame": "<iframe src='/inner' width=600 height=400></iframe>",
}


@pytest.mark.parametrize("kind", PAGES)
async def test_posts_in_a_shadow_root_or_a_frame_are_read(read: Read, collect: Collect, kind: str) -> None:
    for reading in (read, collect):
        report = await reading(page(PAGES[kind]), others={"/inner": page(TWO)})
        assert report.outcome is Outcome.OK, report.reason
        assert likes_of(report) == {"1": 7, "2": 8}
        assert report.evidence["inside"] == ("a frame" if kind == "frame" else "an open shadow root")


async def test_a_number_in_a_shadow_root_is_the_number_of_its_post(read: Read) -> None:
    script = "<script>n.attachShadow({ mode: 'open' }).innerHTML = '<b hidden>9</b><span>42</span>'</script>"
    report = await read(page(post(1, "<x-n id=n></x-n>"), script))
    assert likes_of(report) == {"1": 42}
    assert report.evidence["inside"] is None


async def test_what_is_hidden_in_a_frame_is_no_digit_either(read: Read) -> None:
    report = await read(page(PAGES["frame"]), others={"/inner": page(post(1, "<i style='display:none'>9</i>7"))})
    assert likes_of(report) == {"1": 7}


async def test_a_frame_of_another_site_is_named(read: Read, serve: Serve) -> None:
    other = (await serve({"/inner": page(TWO)})).replace("127.0.0.1", "localhost")
    report = await read(page(f"<iframe src='{other}/inner' width=600 height=400></iframe>"))
    assert report.outcome is Outcome.SELECTOR_DRIFT
    assert "1 frames of other sites were not looked into" in report.reason
