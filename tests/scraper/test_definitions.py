"""Site definitions: what is said of a bad one, and which one reads what."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.definitions import Definitions, load_definition
from scraper.errors import DefinitionError, UnknownSite
from scraper.recognition import own_addresses

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


def test_the_worked_examples_of_the_guide_are_definitions() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "sites.md").read_text("utf-8")
    pier, berth = (load_definition("example.toml", text.partition("```")[0]) for text in guide.split("```toml\n")[1:])
    assert pier.id_in("https://pier.example/posts/12") == "12"
    assert berth.reads("http://127.0.0.1:8080/latest")
    assert berth.id_in("http://127.0.0.1:8080/t/tides-and-times/12") == "12"


@pytest.mark.parametrize(
    ("old", "new", "key", "line"),
    (
        ('title = "Pier"', "", "title", None),
        ('title = "Pier"', "titel = 5", "titel", 3),
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


LIKES = 'likes = [{ css = ".likes" }]'


@pytest.mark.parametrize(
    ("old", "new", "key", "says"),
    (
        ("[saved]", "tell_tales = 5\n[saved]", "tell_tales", "an array of tables: write [[tell_tales]]"),
        ("{id}", "{author.x}/{id}", "permalink", "an address with {id}"),
        ("{id}", "{author[x]}/{id}", "permalink", "an address with {id}"),
        ("{id}", "{id:999999999}", "permalink", "an address with {id}"),
        ("{id}", "{id", "permalink", "an address with {id}"),
        ("{id}", "{{id}}", "permalink", "an address with {id}"),
        ("'/p/(\\d+)'", "'a{99999999999999}'", "post_id", "the repetition number is too large"),
        ("'/p/(\\d+)'", f"'{'(' * 9000}'", "post_id", "not nested so deep"),
        (LIKES, f"likes = [{{ record = '{'[' * 9000}' }}]", "layouts.0.items.0.fields.likes.0.record", "so deep"),
        (LIKES, "likes = [{ record = '' }]", "layouts.0.items.0.fields.likes.0.record", "a JMESPath expression"),
        ("[saved]", f"x = {'[' * 9000}", "", "TOML that is not nested so deep"),
        ("[saved]", f"x = {'1' * 9000}", "", "TOML: "),
        ("[saved]", "[feed]\npages = '?p={page}&x={y}'\n[saved]", "feed.pages", "an address with {page}"),
        ("[saved]", "[feed]\npages = '?p=2'\n[saved]", "feed.pages", "an address with {page}"),
        ('https://pier.example/"', 'pier.example"', "saved.base_url", "an address"),
        (LIKES, "id = [{ attribute = 'id', under = '/t/' }]", "layouts.0.items.0.fields.id", "one group"),
    ),
)
def test_nothing_that_is_written_breaks_the_loading(old: str, new: str, key: str, says: str) -> None:
    text = GOOD.replace('id = [{ attribute = "data-id" }]\n', "") if new.startswith("id = ") else GOOD
    assert old in text
    with pytest.raises(DefinitionError) as caught:
        load_definition("pier.toml", text.replace(old, new, 1))
    assert says in caught.value.expected
    assert caught.value.key.startswith(key)
    assert caught.value.line is not None or not key or key == "tell_tales"


@given(st.data())
def test_whatever_is_written_in_a_place_it_is_loaded_or_refused_in_words(data: st.DataObject) -> None:
    old = data.draw(
        st.sampled_from(('"article"', "'/p/(\\d+)'", '"pier.example"', '"https://pier.example/p/{id}"', LIKES))
    )
    special = st.text(alphabet="\\\"'{}[]()*+?.:/#@=\n ab1é", max_size=12)
    new = data.draw(special | st.text(max_size=12) | special.map(lambda text: f"'{text}'"))
    with suppress(DefinitionError):
        load_definition("pier.toml", GOOD.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    (
        (LIKES, "text = { css = '.t' }", "text: an array: [{ css = … }]"),
        (LIKES, "text = '.t'", 'text: an array: [{ css = ".t" }]'),
        (LIKES, "text = ['.t']", "text.0: a table: { css = … }"),
        ('["pier.example"]', '"pier.example"', 'hosts: an array: ["pier.example"]'),
        ('["pier.example"]', "[]", "hosts: at least one"),
        ("[[layouts]]", "[layouts]", "write [[layouts]], with two brackets"),
        ("[[layouts.items]]", "[layouts.items]", "write [[layouts.items]], with two brackets"),
        ("[saved]", "[tell_tales]\noutcome = 'ok'\n[saved]", "write [[tell_tales]], with two brackets"),
        (
            "[layouts.items.f",
            "[layouts.items.records]\nid = 'x'\n[layouts.items.f",
            "write [[layouts.items.records]]",
        ),
        ("[saved]", "[[feed]]\nend = '.x'\n[saved]", ":8: feed: one table: write [feed], with single brackets"),
        ("[layouts.items.fields]", "[[layouts.items.fields]]", "one table: write [layouts.items.fields]"),
        ('css = "article"', 'csss = "article"', "csss: no such key; did you mean css?"),
        ('css = "article"', 'xpath = "article"', "no such key; known here: name, css, exclude, permalink"),
        (LIKES, "like = [{ css = '.x' }]", "fields.like: no such field; did you mean likes?"),
        ('title = "Pier"', "", "pier.toml: title: it is missing"),
        ('name = "only"', "", ":12: layouts.0.name: it is missing"),
        ("[saved]", "[ready]\nwhen = 'parse'\n[saved]", "ready.when: one of: parsed, items"),
        ("[saved]", "[[tell_tales]]\noutcome = 'gone'\nreason = ''\n[saved]", "one of: ok, empty, not_found"),
        (LIKES, "likes = [{ css = 'a', only = 'perhaps' }]", "only: true or false"),
        (LIKES, "likes = [{ css = 'a', divide_by = 'x' }]", "divide_by: a whole number"),
        (LIKES, "likes = [{ css = 'a', divide_by = 0 }]", "divide_by: greater than or equal to 1"),
        ("[saved]", "block_kinds = ['pictures']\n[saved]", ":8: block_kinds: pictures can't be blocked"),
    ),
)
def test_a_mistake_is_answered_with_what_to_write_in_toml(old: str, new: str, says: str) -> None:
    assert old in GOOD
    with pytest.raises(DefinitionError) as caught:
        load_definition("pier.toml", GOOD.replace(old, new, 1))
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("content", "says"),
    (
        (GOOD.replace("Pier", "Pi\xe9r").encode("latin-1"), "pier.toml:3: text in UTF-8"),
        (GOOD.encode("utf-16"), "pier.toml:1: text in UTF-8"),
    ),
)
def test_a_file_in_another_encoding_is_said_to_be(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "pier.toml").write_bytes(content)
    with pytest.raises(DefinitionError, match=says):
        Definitions.builtin().load(tmp_path)


def test_a_mark_of_the_encoding_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "pier.toml").write_bytes(GOOD.encode("utf-8-sig"))
    assert "pier" in Definitions.builtin().load(tmp_path).names


def test_what_is_no_file_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "pier.toml").mkdir()
    with pytest.raises(DefinitionError, match="a file that can be read"):
        Definitions.builtin().load(tmp_path)


def test_a_mistake_in_the_tell_tales_of_all_sites_is_named_by_their_own_file(tmp_path: Path) -> None:
    (tmp_path / "pier.toml").write_text(GOOD, "utf-8")
    (tmp_path / "common.toml").write_text("tell_tales = 5", "utf-8")
    with pytest.raises(DefinitionError, match=r"common.toml:1: tell_tales: an array of tables"):
        Definitions.builtin().load(tmp_path)


@pytest.mark.parametrize(
    ("hosts", "url", "reads"),
    (
        ("www.Pier.example", "https://pier.example/p/1", True),
        ("Pier.example", "https://forum.pier.example/p/1", True),
        ("pier.example", "https://PIER.example:8080/p/1", True),
        ("pier.example:8080", "https://www.pier.example:8080/p/1", True),
        ("pier.example:8080", "https://pier.example/p/1", False),
        ("pier.example:443", "https://pier.example/p/1", True),
        ("pier.example:443", "http://pier.example/p/1", False),
        ("127.0.0.1:8080", "http://127.0.0.1:8080/", True),
        ("127.0.0.1:8080", "http://127.0.0.1:8081/", False),
        ("[::1]", "http://[::1]:8080/", True),
        ("[::1]:80", "http://[::1]/", True),
        ("bücher.example", "https://xn--bcher-kva.example/", True),
        ("xn--bcher-kva.example", "https://bücher.example/", True),
        ("pier.example", "https://pier.example:99999/", False),
        ("pier.example", "https://[pier.example/", False),
        ("pier.example", "https://notpier.example/", False),
    ),
)
def test_a_host_reads_its_addresses_however_both_are_written(hosts: str, url: str, *, reads: bool) -> None:
    assert load_definition("pier.toml", GOOD.replace("pier.example", hosts, 1)).reads(url) is reads


def test_the_demo_site_is_read_by_its_address_of_ipv6(definitions: Definitions) -> None:
    assert definitions.by_name("demo").reads("http://[::1]:8000/")


@pytest.mark.parametrize(
    ("saved", "hosts", "base_url"),
    (
        ("", "pier.example", "https://pier.example/"),
        ("", "127.0.0.1:8080", "https://127.0.0.1:8080/"),
        ("[saved]\nmarkers = ['x']\n", "pier.example", "https://pier.example/"),
        ("[saved]\nbase_url = 'http://quay.example/a'\n", "pier.example", "http://quay.example/a"),
    ),
)
def test_saved_pages_are_from_the_first_host_if_nothing_else_is_said(saved: str, hosts: str, base_url: str) -> None:
    before, _, rest = GOOD.replace("pier.example", hosts, 1).partition("[saved]")
    definition = load_definition("pier.toml", f"{before}{saved}{rest[rest.index('[[layouts]]') :]}")
    assert definition.saved.base_url == base_url


def test_a_definition_for_any_host_says_where_its_saved_pages_are_from() -> None:
    text = GOOD.replace('["pier.example"]', '["*"]').replace('base_url = "https://pier.example/"', "")
    with pytest.raises(DefinitionError, match=r"saved.base_url: it is missing"):
        load_definition("pier.toml", text)


def test_words_that_stand_for_a_number_are_known_in_any_case() -> None:
    text = GOOD.replace(LIKES, "likes = [{ css = '.likes', words = { Discuss = 0 } }]")
    ((_, kind),) = load_definition("pier.toml", text).kinds
    assert kind.fields["likes"][0].words == {"discuss": 0}


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
        (b'<table\n  width = 85%\n  id = "hnmain"\n>', "hackernews"),
        (b'<td class="subtext" >\n  <span class=score\n   id="score_7">', "hackernews"),
        (b"<div class=subtext><span id=score_1>", "hackernews"),
        (b'<meta content="Discourse 3.4" charset=x name="generator"/>', "discourse"),
        (b"<title>\n Tides | Lobsters\n</title>", "lobsters"),
        (b"<ARTICLE\nclass='a>b' DATA-TESTID=tweet >", "x"),
        (b'<meta content="elsewhere" name="generator"><meta content="Discourse 3.4" name="description">', None),
        (b"<p id=1>item?id=<a id='2' name=3 class=4>", None),
        (b"<table data-id=hnmain>", None),
        (b"<link\n rel = 'alternate Canonical'\n href = 'https://x.com/a/status/1' >", "x"),
        (b'<meta content = "https://x.com/a?b=1&amp;c" name=og:url>', "x"),
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
