"""Which place the next context comes from, without a browser: the one with fewest, and never one that is down."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from browser_pool import Endpoint, Identity, PoolSettings
from browser_pool.breaker import FIRST_SECONDS, MOST_SECONDS, Breaker, pause_seconds
from browser_pool.context import WarmContext
from browser_pool.endpoint import LOCAL
from browser_pool.events import Hooks
from browser_pool.fleet import Fleet, NoSource
from browser_pool.owner import BrowserOwner

FIRST = Endpoint.parse("http://first:9222")
SECOND = Endpoint.parse("http://user:secret@second:9222")
SERVER = Endpoint.parse("ws://server:3000/")
NOW = 1000.0


def fleet(*endpoints: Endpoint) -> Fleet:
    return Fleet(
        PoolSettings(endpoints=endpoints),
        limit_bytes=lambda: None,
        on_launched=lambda _: None,
        on_lost=lambda _: None,
        hooks=Hooks(),
    )


def owner_at(fleet: Fleet, endpoint: Endpoint, *, uses_driver: bool = False) -> BrowserOwner:
    return next(one for one in fleet.owners if (one.endpoint, one.uses_driver) == (endpoint, uses_driver))


def contexts_at(fleet: Fleet, *endpoints: Endpoint, needs_page: bool = False) -> list[WarmContext]:
    return [
        WarmContext(n, "a", Identity(), owner_at(fleet, at, uses_driver=at.uses_driver(needs_page=needs_page)))
        for n, at in enumerate(endpoints)
    ]


def chosen(fleet: Fleet, contexts: list[WarmContext], *, needs_page: bool = False) -> Endpoint:
    source = fleet.choose(contexts, needs_page=needs_page, now_seconds=NOW)
    assert isinstance(source, BrowserOwner), source
    return source.endpoint


def not_chosen(fleet: Fleet, contexts: list[WarmContext]) -> NoSource:
    source = fleet.choose(contexts, needs_page=False, now_seconds=NOW)
    assert isinstance(source, NoSource)
    return source


@pytest.mark.parametrize(
    ("held", "expected"),
    (
        ((), LOCAL),
        ((LOCAL,), FIRST),
        ((FIRST,), LOCAL),
        ((LOCAL, FIRST), SERVER),
        ((LOCAL, FIRST, SERVER), LOCAL),
        ((SERVER, SERVER, LOCAL), FIRST),
    ),
)
def test_the_place_with_the_fewest_contexts_is_next_and_of_equals_the_one_named_first(
    held: tuple[Endpoint, ...], expected: Endpoint
) -> None:
    places = fleet(LOCAL, FIRST, SERVER)
    assert chosen(places, contexts_at(places, *held)) == expected


def test_contexts_with_and_without_a_page_count_together() -> None:
    places = fleet(FIRST, SECOND)
    held = [*contexts_at(places, FIRST), *contexts_at(places, FIRST, needs_page=True), *contexts_at(places, SECOND)]
    assert chosen(places, held) == chosen(places, held, needs_page=True) == SECOND


def test_a_context_whose_source_is_not_known_is_nobodys() -> None:
    places = fleet(FIRST, SECOND)
    assert chosen(places, [WarmContext(1, "a", Identity())]) == FIRST


def test_no_place_is_given_more_contexts_than_it_may_have() -> None:
    small = replace(FIRST, max_contexts=1)
    places = fleet(small, SECOND)
    assert chosen(places, contexts_at(places, small, SECOND, SECOND, SECOND)) == SECOND


def test_where_every_place_is_full_a_context_has_to_close_first() -> None:
    small, none = replace(FIRST, max_contexts=1), replace(SECOND, max_contexts=0)
    places = fleet(small, none)
    assert not_chosen(places, contexts_at(places, small)).wait_seconds is None


def test_a_place_that_is_down_is_left_out_until_its_pause_is_over() -> None:
    places = fleet(FIRST, SECOND)
    pause = owner_at(places, FIRST).breaker.fail("nobody there", NOW)
    assert chosen(places, []) == SECOND
    source = places.choose([], needs_page=False, now_seconds=NOW + pause)
    assert isinstance(source, BrowserOwner)
    assert source.endpoint == FIRST


def test_a_place_that_is_full_is_not_passed_over_for_one_that_is_down() -> None:
    small = replace(FIRST, max_contexts=1)
    places = fleet(small, SECOND)
    owner_at(places, SECOND).breaker.fail("nobody there", NOW)
    assert not_chosen(places, contexts_at(places, small)).wait_seconds is None


def test_where_all_are_down_the_shortest_pause_is_waited_for_and_each_says_why() -> None:
    places = fleet(FIRST, SECOND)
    for _ in range(3):
        owner_at(places, FIRST).breaker.fail("nobody there", NOW)
    shortest = owner_at(places, SECOND).breaker.fail("it hung up", NOW)
    nothing = not_chosen(places, [])
    assert nothing.wait_seconds == shortest
    assert nothing.detail == (
        "no browser can be had (http://first:9222: nobody there; http://second:9222: it hung up)"
    )


def test_a_kind_that_fails_does_not_shut_out_the_other_kind_at_the_same_place() -> None:
    places = fleet(LOCAL)
    owner_at(places, LOCAL, uses_driver=True).breaker.fail("no driver", NOW)
    assert chosen(places, []) == LOCAL
    assert isinstance(places.choose([], needs_page=True, now_seconds=NOW), NoSource)


def test_a_playwright_server_has_one_owner_because_both_kinds_go_through_the_driver() -> None:
    places = fleet(SERVER)
    assert [owner.uses_driver for owner in places.owners] == [True]
    assert places.choose([], needs_page=False, now_seconds=NOW) is places.choose([], needs_page=True, now_seconds=NOW)


def test_no_kind_of_browser_is_spare_at_a_playwright_server_and_the_unasked_kind_is_elsewhere() -> None:
    places = fleet(LOCAL, SERVER)
    spare = {(owner.endpoint, owner.uses_driver) for owner in places.owners if places.is_spare(owner)}
    assert spare == {(LOCAL, False)}


@given(
    st.lists(st.sampled_from((LOCAL, FIRST, SECOND)), max_size=12), st.sets(st.sampled_from((LOCAL, FIRST, SECOND)))
)
def test_the_choice_is_never_down_and_never_fuller_than_another_that_is_up(
    held: list[Endpoint], down: set[Endpoint]
) -> None:
    places = fleet(LOCAL, FIRST, SECOND)
    for endpoint in down:
        owner_at(places, endpoint).breaker.fail("down", NOW)
    source = places.choose(contexts_at(places, *held), needs_page=False, now_seconds=NOW)
    if len(down) == 3:
        assert isinstance(source, NoSource)
        return
    assert isinstance(source, BrowserOwner)
    assert source.endpoint not in down
    assert held.count(source.endpoint) == min(held.count(one) for one in (LOCAL, FIRST, SECOND) if one not in down)


def test_the_pause_doubles_with_each_failure_in_a_row_up_to_a_minute() -> None:
    pauses = [pause_seconds(failures) for failures in range(1, 100)]
    assert pauses[:4] == [FIRST_SECONDS, 2 * FIRST_SECONDS, 4 * FIRST_SECONDS, 8 * FIRST_SECONDS]
    assert all(later in {2 * earlier, MOST_SECONDS} for earlier, later in itertools.pairwise(pauses))
    assert pauses[-1] == MOST_SECONDS
    assert pause_seconds(0) == 0
    assert pause_seconds(10**6) == MOST_SECONDS


def test_a_place_that_works_again_has_forgotten_its_failures() -> None:
    breaker = Breaker()
    first = breaker.fail("one", NOW)
    assert breaker.fail("two", NOW) > first
    assert (breaker.failures, breaker.detail, breaker.wait_seconds(NOW)) == (2, "two", 2 * first)
    assert breaker.wait_seconds(NOW + 10 * MOST_SECONDS) == 0
    breaker.work()
    assert (breaker.failures, breaker.detail, breaker.wait_seconds(NOW)) == (0, "", 0)
    assert breaker.fail("three", NOW) == first
