"""What keeps a number from being a count: "12 %", "over 1,000", "#3", "2 hours", "27 Sep", "5 ezer"."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from scraper.values.calendars import is_time_word
from scraper.values.numerals import WORD, runs_together

# Words that make a number bigger, in languages that the page does not claim (or that mean two things).
_MAGNITUDES = frozenset({
    "k", "m", "b", "t", "n", "l", "g", "hundred", "dozen", "thousand", "thousands", "lakh", "lakhs", "lac",
    "crore", "crores", "cr", "kcr", "lcr", "mil", "mila", "mille", "millier", "milliers", "mi", "bi", "tri", "bil",
    "mill", "bill", "tril", "milj", "bilj", "trilj", "mln", "bln", "trln", "mld", "mlrd", "mljrd", "mrd", "mr", "md",
    "mds", "mia", "mio", "bio", "mn", "bn", "tn", "mm", "mlr", "mjd", "tsd", "tys", "tis", "tuh", "tūkst", "tausend",
    "tusind", "tusen", "tuhat", "tuhatta", "duizend", "duisend", "ezer", "bin", "milyar", "mie", "mii", "miler",
    "milers", "mijë", "rb", "jt", "ribu", "juta", "miliar", "triliun", "nghìn", "ngàn", "triệu",
    "tr", "tỷ", "tỉ", "nt", "elfu", "libo",
    "χιλ", "εκ", "δισ", "τρισ", "тыс", "тис", "хил", "хиљ", "млн", "млрд", "трлн", "мил", "бил",
    "ألف", "آلاف", "مليون", "ملايين", "مليار", "مليارات", "ترليون", "هزار", "میلیون", "میلیارد", "تریلیون",
    "هزارمیلیارد", "ہزار", "لاکھ", "کروڑ", "ارب", "کھرب", "אלף", "מיליון", "מיליארד", "טריליון",
    "हज़ार", "हजार", "लाख", "करोड़", "करोड", "क॰", "अ॰", "ख॰", "अरब", "खरब", "नील", "হাজার", "লাখ", "কোটি", "শত", "হা",
    "লা", "কো", "พัน", "หมื่น", "แสน", "ล้าน", "万", "萬", "億", "亿", "兆", "京", "千", "百", "천", "만", "억", "조",
})  # fmt: skip
# Most languages of Europe have inherited the same words, with endings of their own.
_MAGNITUDE_STEMS = re.compile(
    r"(?:m|b|tr)ill?[ijy]{0,2}(?:[oóõãuú]|ã|ard|árd|arð)\w{0,6}|mil[ij]*ard\w{0,3}|mil+h(?:ão|ões)|[bt]r?ilh(?:ão|ões)"
    r"|(?:tisíc|tisoč|tisuć|tūkst|tysiąc|tysięc|þúsund|miljoona|biljoona|miljard)\w{0,6}"
    r"|(?:χιλιάδ|εκατομμ|δισεκατ|τρισεκατ|тысяч|тисяч|хиляд|хиљад|милл?и|мили|мільй|мільяр|трилл?и|трильй|билл?и)\w{0,9}"
)

# Words that say that the number is a bound, or near the truth.
_BOUNDS = frozenset({
    "over", "under", "above", "below", "than", "least", "most", "about", "around", "almost", "nearly", "approx",
    "approximately", "circa", "ca", "plus", "fewer", "über", "unter", "mehr", "weniger", "mindestens", "höchstens",
    "etwa", "fast", "rund", "más", "menos", "casi", "unos", "moins", "environ", "presque", "près", "mais", "quase",
    "cerca", "أكثر", "أقل", "حوالي", "più", "meno", "quasi", "ruim", "meer", "minder", "ponad", "około",
    "более", "около", "почти",
})  # fmt: skip

# Words beside which a number is a place, a share, a price or a measure.
_OTHERWISE = frozenset({
    "no", "nr", "nº", "#", "rank", "page", "part", "chapter", "episode", "version", "top", "level", "seite", "teil",
    "platz", "página", "parte", "partie", "percent", "prozent", "pct", "procent", "percento", "pourcent", "usd",
    "eur",     "gbp", "jpy", "cny", "krw", "brl", "inr", "chf", "dollar", "dollars", "euro", "euros", "kr", "zł",
    "rs", "km", "kg", "cm", "mm", "kb", "mb", "gb", "tb", "px",
})  # fmt: skip

# What sites count, in English: known not to change a number even where the language is not.
_COUNTED = frozenset({
    one
    for word in (
        "view", "like", "reply", "comment", "repost", "retweet", "quote", "bookmark", "point", "share", "vote",
        "upvote", "reaction", "answer", "follower", "subscriber", "post", "star", "play", "save", "favorite",
        "favourite", "result",
    )
    for one in (word, f"{word}s")
} | {"replies", "following", "score"})  # fmt: skip

_BEFORE_TOGETHER = ("第", "约", "約", "近", "超", "超过", "超過", "数", "約为", "약", "제")
_AFTER_TOGETHER = (
    "以上", "以下", "未満", "超", "余", "餘", "多", "几", "幾", "数", "位", "番", "回目", "人目",
    "つ目", "号", "號", "楼", "樓",
    "円", "元", "원", "이상", "이하", "미만", "위", "번째", "倍", "歳", "岁", "歲", "月",
    "年", "時", "时", "点", "點", "월", "년", "시", "일", "초", "강", "点钟", "성", "割",
)  # fmt: skip
_SYMBOLS = re.compile(r"[#№%‰٪\uff05°+~≈<>≤≥=±\u00d7÷*^/\\_@&:\u2236\uff1a]")


def why_no_count(before: str, after: str, language: str | None) -> str | None:
    """Why a number between these texts is none that counts; None where nothing speaks against it.

    The texts are normalised, and have no other number.
    """
    if not before and not after:
        return None
    before_folded, after_folded = before.casefold(), after.casefold()
    return (
        _why_by_signs(before, after)
        or _why_by_words(before_folded, after_folded)
        or _why_by_place(before_folded.rstrip(" "), after_folded.lstrip(" "), language)
    )


def why_not_sure(before: str, after: str) -> str | None:
    """Why, in a language that nobody knows, a word at the number's side may be its word for a thousand."""
    nearest = [*_words(before.casefold())[-1:], *_words(after.casefold())[:1]]
    # Of the scripts without blanks, Chinese, Japanese and Korean have no other such words than those above.
    known = (
        word in _COUNTED or "\u2e80" <= word[0] <= "\u9fff" or "\uac00" <= word[0] <= "\ud7af" for word in nearest
    )
    if all(known):
        return None
    return f"{' or '.join(map(repr, nearest))} may change the number: give the language, or say that this is counted"


def _why_by_signs(before: str, after: str) -> str | None:
    sides = before.rstrip(" ")[-1:] + after.lstrip(" ")[:1]
    if "+" in sides:
        return "it says that there are more, and not how many"
    if any(unicodedata.category(character) in {"Sc", "No"} for character in before + after):
        return "a price or a power is no count"
    if _SYMBOLS.search(sides):
        return f"a number beside {sides.strip()!r} is no count"
    if after[:1] in {"º", "ª"}:
        return "an ordinal is no count"
    return None


def _why_by_words(before: str, after: str) -> str | None:
    """By words anywhere in the text."""
    for word in _words(f"{before} | {after}"):
        if (word in _MAGNITUDES and len(word) > 1) or _MAGNITUDE_STEMS.fullmatch(word):
            return f"{word!r} changes the number"
        if word in _BOUNDS:
            return f"{word!r} says that it is not the number itself"
    return None


def _why_by_place(before: str, after: str, language: str | None) -> str | None:
    """By what stands right at the number's sides."""
    nearest = [*_words(before)[-2:], *_words(after)[:2]]
    why = next((word for word in nearest if word in _OTHERWISE or word in _MAGNITUDES), _together(before, after))
    if why:
        return f"a number beside {why!r} is no count"
    # "27 E" is 27,000 in Hungarian; "12 x" says how often.
    if len(next(iter(_words(after)), "two")) == 1 and after[0].islower() and after[0] != "x":
        return f"{after[0]!r} may be short for a greater number"
    time = next((word for word in nearest if is_time_word(word, language)), "")
    return f"{time!r} makes it a time" if time else None


def _words(text: str) -> list[str]:
    return [word.rstrip("'") for word in WORD.findall(text)]


def _together(before: str, after: str) -> str:
    """The word that runs together with a number, in scripts without blanks, and makes it no count."""
    if before and runs_together(before[-1]):
        found = next((word for word in _BEFORE_TOGETHER if before.endswith(word)), "")
        if found:
            return found
    if after and runs_together(after[0]):
        return next((word for word in _all_after() if after.startswith(word)), "")
    return ""


def _all_after() -> Iterator[str]:
    yield from _AFTER_TOGETHER
    yield from (word for word in _MAGNITUDES if runs_together(word[0]))
