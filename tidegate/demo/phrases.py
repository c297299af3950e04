"""What people on the demo site are called and what they say, in several languages."""

# ruff: noqa: RUF001, these letters are meant
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phrasebook:
    """The parts of a sentence in one language: a text is one opening, one middle and one ending."""

    lang: str
    openings: tuple[str, ...]
    middles: tuple[str, ...]
    endings: tuple[str, ...]
    space: str = " "


PHRASEBOOKS = (
    Phrasebook(
        "en",
        ("Small win today:", "Unpopular opinion:", "Note to self:", "Three weeks in, and", "Honest question:"),
        (
            "the slowest part was never the database,",
            "our ferry timetable now fits in 200 lines,",
            "a cache without a bound is a leak,",
            "I measured it twice & it was <still> wrong,",
            "the tide was lower than anyone remembers,",
        ),
        (
            "so we deleted half of it.",
            "and nobody noticed for a month 🙃",
            "what would you have done?",
            "more in the thread below.",
            "full numbers tomorrow.",
        ),
    ),
    Phrasebook(
        "de",
        ("Kleine Erkenntnis:", "Frage in die Runde:", "Heute gelernt:", "Ganz ehrlich:"),
        (
            "der Regler stand die ganze Zeit auf null,",
            "nach 1.234 Messungen ist die Kurve glatt,",
            "die Fähre über die Förde kam pünktlich,",
            "weniger Speicher heißt oft mehr Ruhe,",
        ),
        ("und das Wetter hält.", "wer hat Ähnliches gesehen?", "Fotos folgen.", "morgen geht es weiter."),
    ),
    Phrasebook(
        "fr",
        ("Petite victoire :", "Question sérieuse :", "Ce matin au port,", "On en parle peu, mais"),
        (
            "la marée est montée d'un mètre en une heure,",
            "le cache a tenu toute la nuit,",
            "nos mesures étaient fausses depuis l'été,",
            "un café coûte déjà 3,50 € sur le quai,",
        ),
        ("et c'est très bien ainsi.", "vous feriez quoi ?", "la suite demain.", "photos à l'appui."),
    ),
    Phrasebook(
        "es",
        ("Hoy aprendí algo:", "Pregunta para todos:", "Sin exagerar:", "Otra vez:"),
        (
            "el faro lleva apagado desde el martes,",
            "tres líneas menos y el doble de rápido,",
            "la mañana empezó con niebla y café,",
            "nadie leía ese informe desde enero,",
        ),
        ("¿a alguien más le pasa?", "mañana lo cuento.", "y funciona 🎉", "hay que verlo."),
    ),
    Phrasebook(
        "tr",
        ("Bugünün notu:", "Merak ettim:", "Kısa bir güncelleme:"),
        (
            "iskeledeki saat yine beş dakika geri,",
            "ölçmeden hızlandırmak diye bir şey yokmuş,",
            "ışıklar sabaha kadar yandı,",
        ),
        ("siz ne dersiniz?", "ayrıntılar yarın.", "güzel oldu."),
    ),
    Phrasebook(
        "ja",
        ("今日のメモ:", "気づいたこと:", "質問です。"),
        ("港の時計がまた五分遅れている。", "計測してみたら原因は別だった。", "朝の海はとても静かだった。"),
        ("明日また書きます。", "みなさんはどう思いますか?", "写真はあとで🌊"),
        space="",
    ),
    Phrasebook(
        "ar",
        ("ملاحظة اليوم:", "سؤال للجميع:", "بصراحة:"),
        ("المد كان أقل من المعتاد،", "القياس الثاني غيّر كل شيء،", "الميناء هادئ هذا الصباح،"),
        ("ما رأيكم؟", "التفاصيل غدًا.", "والصور لاحقًا."),
    ),
    Phrasebook(
        "hi",
        ("आज की बात:", "एक सवाल:", "छोटी सी जीत:"),
        ("घाट की घड़ी फिर पाँच मिनट पीछे है,", "दो बार नापा तब समझ आया,", "सुबह नदी बहुत शांत थी,"),
        ("आप क्या सोचते हैं?", "बाकी कल।", "तस्वीरें बाद में।"),
    ),
)

HASHTAGS = (
    "tides",
    "harbour",
    "measured",
    "smallweb",
    "python",
    "ferry",
    "Küste",
    "marée",
    "海",
    "lighthouse",
    "memory",
    "slowsoftware",
)

ADVERTS = (
    "Rope that remembers its knots. Free shipping to every island.",
    "Your logbook, now waterproof. Try it for 30 days.",
    "Learn to read a tide table in one weekend.",
    "Foghorn rental, by the hour or by the blast.",
)

PICTURES = (
    "Low hills over a bay at dusk",
    "The harbour wall at low water",
    "Two islands and a grey sky",
    "Dunes before the rain",
)

NAMES = (
    ("alice", "Alice Anker"),
    ("bob", "Bob Boje"),
    ("carla_m", "Carla Möwe"),
    ("dmitri", "Дмитрий"),
    ("emeka", "Emeka Obi"),
    ("fatima", "فاطمة"),
    ("gwen_tides", "Gwen of the Tides"),
    ("haruki", "春樹 🌊"),
    ("ines", "Inês & Co."),
    ("jonas", "Jonas <dev>"),
    ("kavya", "काव्या"),
    ("lighthouse_7", "Lighthouse 7"),
    ("mehmet", "Mehmet Işık"),
    ("nora", "Nora Nadir"),
    ("oskar", "Oskar Ö."),
)

BIOS = (
    "Measures things. Mostly water.",
    "Writes small programs for small boats.",
    "Here for the tides and the timetables.",
    "Opinions drift.",
    "Photographs fog.",
)
