"""Counts as sites print them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.values.counts import Abbreviation, Count, Range, count_among_words, read_count

SPACES = " \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}"


def grouped(number: int, separator: str) -> str:
    return f"{number:,}".replace(",", separator)


@pytest.mark.parametrize(
    ("text", "language", "exact"),
    (
        ("0", None, 0),
        ("9968202", None, 9968202),
        ("1,234,567", None, 1234567),
        ("1.234.567", None, 1234567),
        ("12\N{NO-BREAK SPACE}345", None, 12345),
        ("1\N{RIGHT SINGLE QUOTATION MARK}234", None, 1234),
        ("12,34,567", None, 1234567),
        ("1,234", "en", 1234),
        ("1.234", "de", 1234),
        ("1.234", "pt-BR", 1234),
        ("1,234", "es-419", 1234),
        ("-12", "en", -12),
        ("\N{MINUS SIGN}12", None, -12),
        ("١٢٣", "ar", 123),
        ("  42\n", None, 42),
    ),
)
def test_an_exact_count_is_read_exactly(text: str, language: str | None, exact: int) -> None:
    assert read_count(text, language=language) == Count(exact=exact)


@pytest.mark.parametrize(
    ("text", "language", "low", "high"),
    (
        ("1.2K", "en", 1200, 1299),
        ("32K", "en", 32000, 32999),
        ("1.4M", None, 1400000, 1499999),
        ("1,2 Mio.", "de", 1200000, 1299999),
        ("1,2 Mio.", None, 1200000, 1299999),
        ("45 mil", "es", 45000, 45999),
        ("45 mil", "cs", 45_000_000, 45_999_999),
        ("3 B", "tr", 3000, 3999),
        ("3B", "en", 3_000_000_000, 3_999_999_999),
        ("2,5 тыс.", "ru", 2500, 2599),
        ("63.6万", "ja", 636000, 636999),
        ("1,5 k", "fr", 1500, 1599),
        ("4 Md", "fr", 4_000_000_000, 4_999_999_999),
    ),
)
def test_an_abbreviation_stands_for_all_it_was_truncated_from(
    text: str, language: str | None, low: int, high: int
) -> None:
    count = read_count(text, language=language, abbreviation=Abbreviation.TRUNCATED)
    assert count.exact is None
    assert count.range is not None
    assert (count.range.low, count.range.high) == (low, high)


@pytest.mark.parametrize(
    ("text", "language"),
    (
        ("1.234", None),
        ("1,234", None),
        ("1.234", "en"),
        ("1,234", "de"),
        ("1.5", "en"),
        ("1.234K", "en"),
        ("45 mil", None),
        ("12x", "en"),
        ("1 2", None),
        ("1,23,4", None),
        ("1.2.3", None),
        ("100+", "en"),
        ("~5", "en"),
        ("5²", "en"),
        ("", None),
        ("\N{BULLET}", None),
        ("Vote", "en"),
        ("9" * 60, None),
        ("0123456789 0123456789", None),
    ),
)
def test_what_can_be_read_in_two_ways_or_none_is_unknown_with_a_reason(text: str, language: str | None) -> None:
    count = read_count(text, language=language)
    assert (count.exact, count.range) == (None, None)
    assert count.reason


def test_a_rounded_abbreviation_reaches_to_both_sides() -> None:
    count = read_count("33K", language="en", abbreviation=Abbreviation.ROUNDED)
    assert count.range == Range(32500, 33500, "33K")


@given(st.integers(0, 10**12), st.sampled_from([*SPACES, "'"]))
def test_groups_set_apart_by_blanks_are_read_in_every_language(number: int, separator: str) -> None:
    assert read_count(grouped(number, separator)).exact == number


@given(st.integers(0, 10**12), st.sampled_from(["en", "ja", "zh-Hant", "he", None]))
def test_groups_set_apart_by_commas_are_read_or_unknown_and_never_wrong(number: int, language: str | None) -> None:
    expected = None if language is None and 1000 <= number < 10**6 else number
    assert read_count(grouped(number, ","), language=language).exact == expected


@given(st.integers(0, 10**12), st.sampled_from(["de", "es", "fr", "pt", "it", "tr", None]))
def test_groups_set_apart_by_points_are_read_or_unknown_and_never_wrong(number: int, language: str | None) -> None:
    expected = None if language is None and 1000 <= number < 10**6 else number
    assert read_count(grouped(number, "."), language=language).exact == expected


@given(st.integers(1000, 999_999_999), st.sampled_from(["K", "M"]), st.sampled_from(list(Abbreviation)))
def test_the_true_number_lies_in_the_range_whatever_the_site_does(
    number: int, suffix: str, abbreviation: Abbreviation
) -> None:
    unit = {"K": 1000, "M": 10**6}[suffix]
    tenths = number * 10 // unit if abbreviation is not Abbreviation.ROUNDED else round(number * 10 / unit)
    printed = f"{tenths // 10}.{tenths % 10}{suffix}"
    found = read_count(printed, language="en", abbreviation=abbreviation).range
    assert found is not None
    assert found.low <= number <= found.high


@given(st.text(max_size=80), st.sampled_from([None, "en", "de", "id", "tr", "xx", "", "de-CH"]))
def test_no_text_at_all_raises_and_an_exact_count_has_the_digits_that_were_printed(
    text: str, language: str | None
) -> None:
    for count in (read_count(text, language=language), count_among_words(text, language=language)[0]):
        if count.exact is not None:
            printed = "".join(str(int(one)) for one in text if one.isdecimal())
            assert str(abs(count.exact)) == printed.lstrip("0") or (count.exact == 0 and set(printed) == {"0"})
        assert (count.reason is None) == (count.exact is not None or count.range is not None)


@pytest.mark.parametrize(
    ("text", "language", "exact"),
    (
        ("2534 Replies. Reply", "en", 2534),
        ("2,534 Replies. Reply", "en", 2534),
        ("2.534 Antworten. Antworten", "de", 2534),
        ("2534件の返信。返信する", "ja", 2534),
        ("답글 12개", "ko", 12),
        ("41 atsegin. Atsegin dut", "eu", 41),
    ),
)
def test_the_one_number_among_words_is_the_count(text: str, language: str, exact: int) -> None:
    assert count_among_words(text, language=language)[0].exact == exact


@pytest.mark.parametrize(
    ("text", "language"),
    (
        ("7万 书签", "zh"),
        ("5 mil Me gusta", "es"),
        ("5 آلاف", "ar"),
        ("12 of 40 likes", "en"),
        ("2 ล้าน", "th"),
        ("B12 likes", "en"),
        ("12ish likes", "en"),
    ),
)
def test_a_word_that_changes_the_number_keeps_it_from_being_exact(text: str, language: str) -> None:
    assert count_among_words(text, language=language)[0].exact is None
