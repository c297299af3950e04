"""How sites name units of time beside an age: "2h", "3 days ago", "vor 3 Std.", "3時間前"."""

from __future__ import annotations

from collections.abc import Mapping

from scraper.values.cldr import plain_tag

UNITS = ("second", "minute", "hour", "day", "week", "month", "year")


def _table(**words: str) -> dict[str, str]:
    return {word: unit for unit, all_of_them in words.items() for word in all_of_them.split()}


ENGLISH_UNITS: Mapping[str, str] = _table(
    second="s sec secs second seconds",
    minute="m min mins minute minutes",
    hour="h hr hrs hour hours",
    day="d day days",
    week="w wk wks week weeks",
    month="mo mos month months",
    year="y yr yrs year years",
)

_UNITS: Mapping[str, Mapping[str, str]] = {
    "en": ENGLISH_UNITS,
    "de": _table(
        second="s sek sekunde sekunden", minute="min minute minuten", hour="h std stunde stunden",
        day="d t tg tag tage tagen", week="w wo wch woche wochen", month="mon monat monate monaten",
        year="j jahr jahre jahren",
    ),
    "es": _table(
        second="s seg segundo segundos", minute="min mins minuto minutos", hour="h hora horas",
        day="d día días", week="sem semana semanas", month="mes meses", year="a año años",
    ),
    "fr": _table(
        second="s sec seconde secondes", minute="min mins mn minute minutes", hour="h heure heures",
        day="j jr jrs jour jours", week="sem semaine semaines", month="mois", year="an ans année années",
    ),
    "pt": _table(
        second="s seg segundo segundos", minute="min mins minuto minutos", hour="h hora horas",
        day="d dia dias", week="sem semana semanas", month="mês meses", year="a ano anos",
    ),
    "ja": _table(
        second="秒", minute="分 分間", hour="時間", day="日 日間", week="週 週間",
        month="か月 ヶ月 ヵ月 カ月 ケ月 箇月", year="年 年間",
    ),
    "zh": _table(
        second="秒 秒钟 秒鐘", minute="分 分钟 分鐘", hour="小时 小時 个小时 個小時", day="天 日",
        week="周 週 星期 个星期 個星期", month="个月 個月", year="年",
    ),
    "ko": _table(
        second="초", minute="분", hour="시간", day="일", week="주 주일", month="개월 달", year="년",
    ),
    "ar": _table(
        second="ث ثانية ثوان ثواني", minute="د دقيقة دقائق", hour="س ساعة ساعات", day="ي يوم يوما أيام",
        week="أسبوع أسابيع أسبوعا", month="شهر شهرا أشهر شهور", year="سنة سنوات عام أعوام",
    ),
}  # fmt: skip

ONLY_WITH_A_MARK = frozenset({"日", "年", "분", "일", "년", "月", "주", "달", "分", "周", "週", "س", "د", "ث", "ي"})
"""Units that mean something else too where nothing says that they are an age: 3日 is a day of a month."""

BEFORE: Mapping[str, tuple[str, ...]] = {
    "de": ("vor",), "es": ("hace",), "fr": ("il y a",), "pt": ("há", "faz"), "ar": ("منذ", "قبل"),
}  # fmt: skip
AFTER: Mapping[str, tuple[str, ...]] = {
    "en": ("ago",), "pt": ("atrás",), "ja": ("前",), "zh": ("前", "以前", "之前"), "ko": ("전",),
}  # fmt: skip

ONE: Mapping[str, frozenset[str]] = {
    "en": frozenset({"a", "an", "one"}),
    "de": frozenset({"ein", "eine", "einem", "einer", "einen"}),
    "es": frozenset({"un", "una"}),
    "fr": frozenset({"un", "une"}),
    "pt": frozenset({"um", "uma"}),
}

NOW: Mapping[str, frozenset[str]] = {
    "en": frozenset({"now", "just now", "moments ago", "a moment ago", "a few seconds ago", "seconds ago"}),
    "de": frozenset({"jetzt", "gerade eben", "soeben", "eben", "gerade"}),
    "es": frozenset({"ahora", "ahora mismo", "justo ahora"}),
    "fr": frozenset({"maintenant", "à l'instant"}),
    "pt": frozenset({"agora", "agora mesmo"}),
    "ja": frozenset({"たった今", "今"}),
    "zh": frozenset({"刚刚", "剛剛", "刚才", "剛才"}),
    "ko": frozenset({"방금", "방금 전", "지금"}),
    "ar": frozenset({"الآن"}),
}

DAYS: Mapping[str, Mapping[str, int]] = {
    "en": {"today": 0, "yesterday": 1},
    "de": {"heute": 0, "gestern": 1, "vorgestern": 2},
    "es": {"hoy": 0, "ayer": 1, "anteayer": 2},
    "fr": {"aujourd'hui": 0, "hier": 1, "avant-hier": 2},
    "pt": {"hoje": 0, "ontem": 1, "anteontem": 2},
    "ja": {"今日": 0, "本日": 0, "昨日": 1, "一昨日": 2},
    "zh": {"今天": 0, "昨天": 1, "前天": 2},
    "ko": {"오늘": 0, "어제": 1, "그저께": 2, "그제": 2},
    "ar": {"اليوم": 0, "أمس": 1},
}
"""Days that have a name of their own, by how many days ago they were."""


def base_of(language: str | None) -> str:
    """The language without its region."""
    return plain_tag(language).split("-")[0]


def units_of(language: str | None) -> Mapping[str, str]:
    """By word, the unit that it names in `language`; none where this is not known here."""
    return _UNITS.get(base_of(language), {})


FILLERS: Mapping[str, frozenset[str]] = {
    "de": frozenset({"am", "um", "den", "der", "uhr"}),
    "es": frozenset({"a", "las", "la", "el", "de", "del", "h"}),
    "fr": frozenset({"à", "le"}),
    "pt": frozenset({"às", "à", "em", "de"}),
}
"""Words that sites put into dates, beside those of CLDR."""
