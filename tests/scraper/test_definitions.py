"""Site definitions: what is said of a bad one, and which one reads what."""

from __future__ import annotations

from pathlib import Path

import pytest

from scraper.definitions import Definitions, load_definition, own_addresses
from scraper.errors import DefinitionError, UnknownSite

GOOD = """
name = "pier"
title = "Pier"
hosts = ["pier.example"]
post_id = '/p/(\\d+)'
permalink = "https://pier.example/p/{id}"

[saved]
base_url = "https://pier.example/"
markers = ["pier-post"]

[[layouts]]
name = "only"

[[layouts.items]]
name = "post"
css = "article"
required = ["id", "counts"]

[layouts.items.fields]
id = [{ attribute = "data-id" }]
likes = [{ css = ".likes" }]
"""


def test_a_usual_site_is_one_file_and_no_python(tmp_path: Path) -> None:
    (tmp_path / "pier.toml").write_text(GOOD, "utf-8")
    found = Definitions.builtin().load(tmp_path)
    assert found.for_url("https://www.pier.example/p/12") is found.by_name("pier")
    assert found.by_name("pier").id_in("https://pier.example/p/12?x=1") == "12"
    assert found.for_html(b"<html><div class='pier-post'>") is found.by_name("pier")


def test_the_worked_example_of_the_guide_is_a_definition() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "sites.md").read_text("utf-8")
    _, _, example = guide.partition("```toml\n")
    definition = load_definition("pier.toml", example.partition("```")[0])
    assert definition.id_in("https://pier.example/posts/12") == "12"


@pytest.mark.parametrize(
    ("old", "new", "key", "line"),
    (
        ('title = "Pier"', "titel = 5", "title", None),
        ('css = "article"', 'css = "article"\nccs = "x"', "layouts.0.items.0.ccs", 18),
        ("'/p/(\\d+)'", "'/p/(\\d+'", "post_id", 5),
        ("'/p/(\\d+)'", "'/p/\\d+'", "post_id", 5),
        ('"https://pier.example/p/{id}"', '"https://pier.example/p/{number}"', "permalink", 6),
        ('id = [{ attribute = "data-id" }]', "", "layouts.0.items.0.fields.id", 20),
        ('required = ["id", "counts"]', 'required = ["author"]', "layouts.0.items.0", 15),
        ('likes = [{ css = ".likes" }]', 'loves = [{ css = ".likes" }]', "layouts.0.items.0.fields.loves", 22),
        ('likes = [{ css = ".likes" }]', 'likes = [{ xpath = "x" }]', "layouts.0.items.0.fields.likes.0.xpath", 22),
        ('name = "pier"', 'name = "Pier!"', "name", 2),
        ("[saved]", "[saved", "", 8),
    ),
)
def test_a_mistake_is_named_by_file_key_and_what_was_expected(old: str, new: str, key: str, line: int | None) -> None:
    assert old in GOOD
    with pytest.raises(DefinitionError) as caught:
        load_definition("pier.toml", GOOD.replace(old, new, 1))
    assert (caught.value.file, caught.value.key, caught.value.line) == ("pier.toml", key, line)
    assert caught.value.expected
    assert "pier.toml" in str(caught.value)


def test_a_folder_that_is_not_there_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="a folder of site definitions"):
        Definitions.builtin().load(tmp_path / "nowhere")


def test_a_definition_of_the_users_replaces_the_one_that_was_shipped(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD.replace('name = "pier"', 'name = "x"', 1), "utf-8")
    found = Definitions.builtin().load(tmp_path)
    assert found.by_name("x").title == "Pier"
    assert len(found) == len(Definitions.builtin())


def test_an_unknown_site_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownSite, match="hackernews, isso") as caught:
        Definitions.builtin().by_name("myspace")
    assert caught.value.known == Definitions.builtin().names


@pytest.mark.parametrize(
    ("url", "name"),
    (
        ("https://x.com/salt/status/1", "x"),
        ("https://mobile.twitter.com/salt", "x"),
        ("https://news.ycombinator.com/item?id=1", "hackernews"),
        ("https://notx.com/salt", "generic"),
        ("https://x.com.evil.example/salt", "generic"),
        ("ftp://x.com/salt", None),
        ("nonsense", None),
    ),
)
def test_a_site_is_known_by_its_host(url: str, name: str | None) -> None:
    definition = Definitions.builtin().for_url(url)
    assert (definition.name if definition else None) == name


@pytest.mark.parametrize(
    ("html", "name"),
    (
        (b"<!-- saved from url=(0031)https://news.ycombinator.com/ -->", "hackernews"),
        (b'<link href="https://x.com/a/status/1" rel="canonical">', "x"),
        (b'<meta property="og:url" content="https://x.com/a">', "x"),
        (b'<meta content="https://x.com/a" property="og:url">', "x"),
        (b'<link rel="canonical" href="https://elsewhere.example/"><article data-testid="tweet">', "x"),
        (b"<table id='hnmain'>", "hackernews"),
        (b"<p>https://x.com/</p>", None),
        (b"", None),
    ),
)
def test_a_saved_page_is_known_by_what_it_says_of_itself(html: bytes, name: str | None) -> None:
    definition = Definitions.builtin().for_html(html)
    assert (definition.name if definition else None) == name


def test_the_address_that_was_saved_goes_before_the_one_that_the_page_claims() -> None:
    html = (
        b"<!-- saved from url=(0020)https://one.example/ -->"
        b"<link rel=canonical href=https://two.example/?a=1&amp;b=2>"
    )
    assert own_addresses(html) == ["https://one.example/", "https://two.example/?a=1&b=2"]
