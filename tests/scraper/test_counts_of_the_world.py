# ruff: noqa: RUF001 - the signs of other languages are what is tested
"""What CLDR prints in the languages of the world is read back, or unknown with a reason, and never wrong."""

from __future__ import annotations

import sys
from functools import cache
from subprocess import run

import pytest
from babel import Locale
from babel.numbers import format_compact_decimal, format_decimal
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from scraper.values.counts import Abbreviation, Count, count_among_words, read_count
from scraper.values.numerals import numerals_of

LANGUAGES = (
    "en", "en-US", "en-GB", "en-IN", "en-ZA", "de", "de-CH", "de-AT", "es", "es-MX", "fr", "fr-CH", "fr-CA", "pt",
    "pt-PT", "it", "it-CH", "nl", "pl", "ru", "uk", "tr", "sv", "da", "nb", "fi", "cs", "ro", "hu", "el", "ja", "zh",
    "zh-TW", "ko", "ar", "ar-EG", "ar-MA", "fa", "he", "hi", "bn", "id", "vi", "th", "ha", "mr", "kk",
)  # fmt: skip
MUST_BE_READ = frozenset({
    "en", "en-US", "en-GB", "de", "de-CH", "es", "es-MX", "fr", "fr-CA", "pt", "pt-PT", "ja", "zh", "zh-TW", "ko",
    "ar", "ar-EG",
})  # fmt: skip
# What stands beside a count on such pages.
BESIDE = {
    "en": "{} views", "de": "{} Aufrufe", "es": "{} visualizaciones", "fr": "{} vues", "pt": "{} visualizações",
    "ja": "閲覧 {} 回", "zh": "{}次观看", "ko": "조회수 {}회", "ar": "{} مشاهدة", "ru": "{} просмотров",
    "tr": "{} görüntüleme", "hi": "{} बार देखा गया", "vi": "{} lượt xem", "th": "{} ครั้ง", "id": "{} x ditonton",
    "it": "{} visualizzazioni", "nl": "{} weergaven", "pl": "{} wyświetleń", "sv": "{} visningar",
}  # fmt: skip

# A post with a million million views is not to be expected, and "B" is contested there.
numbers = st.one_of(st.integers(0, 20_000), st.integers(0, 10**12 - 1), st.integers(0, 15).map(lambda n: 10**n))
languages = st.sampled_from(LANGUAGES)


@cache
def locale_of(language: str) -> Locale:
    return Locale.parse(language, sep="-")


@cache
def forms_of(language: str) -> tuple[str, ...]:
    return tuple(form for form in ("short", "long") if form in locale_of(language).compact_decimal_formats)


def abbreviated(number: int, language: str, form: str, digits: int, system: str = "latn") -> str:
    """As CLDR abbreviates it. Babel lacks the long forms of some languages, and some plurals (its issue 1245)."""
    try:
        return format_compact_decimal(
            number,
            locale=locale_of(language),
            format_type="long" if form == "long" and form in forms_of(language) else "short",
            fraction_digits=digits,
            numbering_system=system,
        )
    except KeyError:
        reject()


def holds(count: Count, number: int) -> bool:
    """Whether a count is unknown, or true of `number`."""
    if count.reason:
        return count.exact is None and count.range is None
    if count.range:
        return count.range.low <= number <= count.range.high
    return count.exact == number


many = settings(max_examples=200)
"""Many languages, each in many forms: the house's number of examples would leave most of them out."""


@many
@given(numbers, languages, st.sampled_from(["latn", "default"]))
def test_a_grouped_number_is_read_exactly_in_its_language(number: int, language: str, system: str) -> None:
    printed = format_decimal(number, locale=locale_of(language), numbering_system=system)
    assert read_count(printed, language=language).exact == number


@many
@given(numbers, languages, st.sampled_from(["latn", "default"]))
def test_a_grouped_number_is_read_or_unknown_and_never_wrong_without_its_language(
    number: int, language: str, system: str
) -> None:
    printed = format_decimal(number, locale=locale_of(language), numbering_system=system)
    for count in (read_count(printed), count_among_words(printed)[0]):
        assert holds(count, number)


@many
@given(
    numbers, languages, st.sampled_from(["short", "long"]), st.integers(0, 2), st.sampled_from(["latn", "default"])
)
def test_an_abbreviated_number_lies_in_its_range_in_its_language(
    number: int, language: str, form: str, digits: int, system: str
) -> None:
    printed = abbreviated(number, language, form, digits, system)
    for how in (Abbreviation.ROUNDED, Abbreviation.UNKNOWN):
        count = read_count(printed, language=language, abbreviation=how)
        assert holds(count, number)
        among = count_among_words(printed, language=language, abbreviation=how)[0]
        assert holds(among, number)
        if language in MUST_BE_READ and any(character.isdigit() for character in printed):
            assert count.reason is None
            assert among.reason is None


@many
@given(numbers, languages, st.sampled_from(["short", "long"]), st.integers(0, 1))
def test_an_abbreviated_number_is_never_wrong_without_its_language_or_with_english(
    number: int, language: str, form: str, digits: int
) -> None:
    printed = abbreviated(number, language, form, digits)
    assert holds(read_count(printed, abbreviation=Abbreviation.ROUNDED), number)
    assert holds(count_among_words(printed, abbreviation=Abbreviation.ROUNDED)[0], number)


@many
@given(numbers, st.sampled_from(sorted(BESIDE)), st.booleans())
def test_among_the_words_of_a_language_a_number_is_read_as_it_is_alone(
    number: int,
    language: str,
    compact: bool,  # noqa: FBT001
) -> None:
    printed = (
        abbreviated(number, language, "short", 1) if compact else format_decimal(number, locale=locale_of(language))
    )
    count = count_among_words(BESIDE[language].format(printed), language=language, abbreviation=Abbreviation.ROUNDED)[
        0
    ]
    assert holds(count, number)
    alone = read_count(printed, language=language, abbreviation=Abbreviation.ROUNDED)
    assert (count.reason is None) == (alone.reason is None)


@pytest.mark.parametrize(
    ("text", "language", "low", "high"),
    (
        ("1 234 vues", "fr", 1234, 1234),
        ("12,3 k vues", "fr", 12_300, 12_399),
        ("1,5 M de vues", "fr", 1_500_000, 1_599_999),
        ("조회수 1.2만회", "ko", 12_000, 12_999),
        ("1.2万 次观看", "zh", 12_000, 12_999),
        ("1.2w 次观看", "zh", 12_000, 12_999),
        ("閲覧 1.2万 回", "ja", 12_000, 12_999),
        ("١٬٢٣٤ مشاهدة", "ar", 1234, 1234),
        ("١٫٢ ألف مشاهدة", "ar", 1200, 1299),
        ("1,2 Mio. Aufrufe", "de", 1_200_000, 1_299_999),
        ("12 Tsd. Aufrufe", "de", 12_000, 12_999),
        ("1,2 mil visualizações", "pt", 1200, 1299),
        ("2.3 lakh views", "en-IN", 230_000, 239_999),
        ("1.2 crore views", "en-IN", 12_000_000, 12_999_999),
        ("3 mil M", "es", 3 * 10**9, 4 * 10**9 - 1),
        ("5 ezer kedvelés", "hu", 5000, 5999),
        ("1.2K views", "en", 1200, 1299),
        ("Comments (12)", "en", 12, 12),
        ("🔥 12", "en", 12, 12),
    ),
)
def test_a_count_among_words_is_read(text: str, language: str, low: int, high: int) -> None:
    count = count_among_words(text, language=language, abbreviation=Abbreviation.TRUNCATED)[0]
    assert (count.range.low, count.range.high) == (low, high) if count.range else (count.exact == low == high)


@pytest.mark.parametrize(
    ("text", "language"),
    (
        ("12 %", "en"), ("12%", "de"), ("12 percent", "en"), ("٪12", "ar"),
        ("$12", "en"), ("12 €", "de"), ("12 USD", "en"), ("12円", "ja"),
        ("3rd", "en"), ("3. Platz", "de"), ("3º lugar", "es"), ("3e place", "fr"), ("第3回", "ja"), ("3位", "ja"),
        ("#3", "en"), ("No. 3", "en"), ("Page 3", "en"), ("top 10", "en"),
        ("3-5", "en"), ("3–5 likes", "en"), ("3 to 5 likes", "en"), ("3/5", "en"), ("3:5", "en"), ("12 of 40", "en"),
        ("v1.2", "en"), ("version 12", "en"), ("1.2.3", "en"), ("COVID-19 likes", "en"),
        ("2h", "en"), ("2 h", "en"), ("3 hours ago", "en"), ("vor 3 Stunden", "de"), ("3時間前", "ja"),
        ("12:30", "en"), ("Sep 27", "en"), ("27. September", "de"), ("27 septembre", "fr"), ("9月", "ja"),
        ("2026年", "zh"), ("999+", "en"), ("10k+ views", "en"), ("over 1,000 likes", "en"),
        ("mehr als 100 Likes", "de"), ("100万以上", "ja"), ("10万+", "zh"), ("约12万", "zh"), ("~5 likes", "en"),
        ("about 500 likes", "en"),
        ("5²", "en"), ("× 12", "en"), ("12x", "en"),
        ("2.3 lakh views", "en"), ("2.3 lakh views", None), ("12 Tsd. Aufrufe?", "xx"), ("5 mil Me gusta", None),
        ("8 rèbu", None), ("5 мың", None), ("Dubu 80", "ha"), ("Dubu 80", None),
        ("1.2B", "tr"), ("3B", "tr"), ("1.2M", "id"), ("1B", "es"), ("32M", None), ("1,4M", None), ("1.4B", None),
        ("1.234 Tausend", "de-CH"),
    ),
)  # fmt: skip
def test_a_number_that_is_no_count_is_unknown_with_a_reason_also_among_words(text: str, language: str | None) -> None:
    for count in (read_count(text, language=language), count_among_words(text, language=language)[0]):
        if text == "12 Tsd. Aufrufe?" and count.range:
            # "Tsd." means a thousand in every language that has it, so an unknown tag does no harm.
            assert (count.range.low, count.range.high) == (11_500, 12_999)
            continue
        assert (count.exact, count.range) == (None, None)
        assert count.reason


ABOUT_NUMBERS = st.text(
    st.one_of(st.sampled_from("0123456789.,' kKmMB万억Mio%+-:/#٫٬١٢आ"), st.characters(codec="utf-8")), max_size=30
)


@many
@given(ABOUT_NUMBERS, st.sampled_from([None, "", "xx", "-", "en_US", "de-XX-abc", *LANGUAGES]))
def test_no_text_raises_and_a_number_is_only_read_where_digits_are_printed(text: str, language: str | None) -> None:
    for count in (read_count(text, language=language), count_among_words(text, language=language)[0]):
        known = count.exact is not None or count.range is not None
        assert known == (count.reason is None)
        assert not known or any(character.isdecimal() for character in text)


@many
@given(st.text(max_size=40))
def test_no_language_raises(language: str) -> None:
    assert read_count("12", language=language).exact == 12


@pytest.mark.processes
def test_plain_english_and_numbers_without_a_language_load_no_library_of_languages() -> None:
    program = """
import sys
from scraper.values.counts import count_among_words, read_count
assert read_count("1.2K", language="en").range
assert read_count("1,234", language="en-US").exact == 1234
assert read_count("1234567").exact == 1234567
assert count_among_words("2,534 Replies. Reply", language="en")[0].exact == 2534
assert not [name for name in sys.modules if name.split(".")[0] in ("babel", "dateparser")]
"""
    run([sys.executable, "-c", program], check=True)  # noqa: S603


def test_a_page_that_claims_one_language_after_the_other_fills_no_memory() -> None:
    from babel import localedata  # noqa: PLC0415

    for language in LANGUAGES:
        numerals_of(language)
    assert not localedata._cache
    assert numerals_of.cache_info().currsize <= 16
