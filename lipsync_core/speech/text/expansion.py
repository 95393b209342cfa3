"""What is written shorter than it is spoken: abbreviations, by whose full stop no sentence ends, and sums of money."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_ANYWHERE = """
mr mrs ms dr prof st jr sr rev hon gen col capt lt sgt maj messrs mt vs etc al approx dept est inc ltd co corp cf ca
viz ed eds esp incl min max tel ext resp jan feb mar apr jun jul aug sep sept oct nov dec mon tue wed thu fri
hr fr bzw usw ggf evtl vgl sog bspw inkl zzgl abs str geb gest hrsg mio mrd
mme mlle mm m env av
sra srta dña ud uds avda pág núm dott sig sigg ecc
г гг т д п др пр ул рис табл см ср напр тыс млн млрд руб коп обл р-н пер просп им проф акад св
dhr mevr drs ing bv blz nl tzv itp itd np tj tzn ul mgr inż
"""
_BEFORE_NUMBERS = "no nos nr p pp s fig figs art vol ch sec eq c cap n º стр с гл кн № tab taf kap"

# German, which writes both the ordinal's stop and the month's capital.
MONTHS_AFTER_ORDINALS = ("Jan", "Feb", "Mär", "Apr", "Mai", "Jun", "Jul", "Aug", "Sep", "Okt", "Nov", "Dez")

ANYWHERE = frozenset(_ANYWHERE.split())
BEFORE_NUMBERS = frozenset(_BEFORE_NUMBERS.split())

# What a voice of a language, by the first part of its code, would spell or mumble. Lower case, without the last stop.
SPOKEN = {
    "en": {
        "vs": "versus", "etc": "etcetera", "approx": "approximately", "dept": "department", "est": "established",
        "inc": "incorporated", "ltd": "limited", "corp": "corporation", "incl": "including", "esp": "especially",
        "jan": "January", "feb": "February", "mar": "March", "apr": "April", "jun": "June", "jul": "July",
        "aug": "August", "sep": "September", "sept": "September", "oct": "October", "nov": "November",
        "dec": "December", "mon": "Monday", "tue": "Tuesday", "wed": "Wednesday", "thu": "Thursday", "fri": "Friday",
        "capt": "captain", "col": "colonel", "gen": "general", "lt": "lieutenant", "sgt": "sergeant", "maj": "major",
        "rev": "reverend", "hon": "honorable", "jr": "junior", "sr": "senior", "mt": "mount", "no": "number",
        "nos": "numbers", "fig": "figure", "figs": "figures", "vol": "volume", "ch": "chapter", "sec": "section",
        "pp": "pages", "p": "page", "tel": "telephone", "ext": "extension", "cf": "compare", "viz": "namely",
        "prof": "professor", "messrs": "messieurs", "e.g": "for example", "i.e": "that is",
    },
    "de": {
        "z.b": "zum Beispiel", "d.h": "das heißt", "u.a": "unter anderem", "usw": "und so weiter", "dr": "Doktor",
        "nr": "Nummer", "bzw": "beziehungsweise", "ggf": "gegebenenfalls", "evtl": "eventuell", "vgl": "vergleiche",
        "sog": "sogenannt", "inkl": "inklusive", "str": "Straße", "prof": "Professor", "hr": "Herr", "fr": "Frau",
        "abs": "Absatz", "s": "Seite", "mio": "Millionen", "mrd": "Milliarden", "ca": "zirka",
    },
    "fr": {"m": "Monsieur", "mm": "Messieurs", "env": "environ", "p": "page", "etc": "et cetera", "av": "avenue"},
    "es": {"pág": "página", "núm": "número", "avda": "avenida", "etc": "etcétera"},
    "ru": {
        "т.е": "то есть", "т.д": "так далее", "т.п": "тому подобное", "т.к": "так как", "г": "город", "ул": "улица",
        "рис": "рисунок", "табл": "таблица", "см": "смотри", "ср": "сравни", "напр": "например", "тыс": "тысяч",
        "млн": "миллионов", "млрд": "миллиардов", "руб": "рублей", "коп": "копеек", "обл": "область", "им": "имени",
        "проф": "профессор", "акад": "академик", "стр": "страница", "с": "страница", "др": "другие", "пр": "прочее",
    },
}  # fmt: skip

_WORD = re.compile(r"(?<![\w.’'-])(?P<word>[^\W\d_]+(?:\.[^\W\d_]+)*)(?P<stop>\.?)(?![\w’'-])")
_GOES_ON = re.compile(r"\s+[\"'“‘«„(\[]*(?P<next>\w)")
_MONEY = re.compile(
    r"(?P<sign>[$€£¥])\s?(?P<whole>\d{1,3}(?:,\d{3})+|\d{1,15})(?:\.(?P<part>\d{2}))?(?![\d.,]*\d)"
    r"(?:\s?(?P<scale>thousand|million|billion|trillion|k|m|bn|b)\b)?",
    re.IGNORECASE,
)
_CURRENCIES = {"$": "dollar", "€": "euro", "£": "pound", "¥": "yen"}
_CENTS = {"dollar": "cents", "euro": "cents", "pound": "pence"}
_SCALES = {"k": "thousand", "m": "million", "bn": "billion", "b": "billion"}
ALWAYS = {"vs"}  # abbreviations that are also written without a full stop


@dataclass(frozen=True)
class Expansion:
    """text[start:end] is read as `spoken`."""

    start: int
    end: int
    spoken: str


def expansions(text: str, language: str) -> list[Expansion]:
    """Those in a sentence, in order, without overlaps. A full stop inside a sentence is not spoken as its end.

    language: BCP-47 code of the voice that reads it.
    """
    family = language.split("-")[0]
    found = list(_abbreviations(text, SPOKEN.get(family, {})))
    if family == "en":
        found += [Expansion(match.start(), match.end(), _sum(match)) for match in _MONEY.finditer(text)]
    return sorted(found, key=lambda item: item.start)


def _abbreviations(text: str, spoken: dict[str, str]) -> Iterator[Expansion]:
    for match in _WORD.finditer(text):
        word, stop = match["word"].lower(), bool(match["stop"])
        if not stop:
            if word in ALWAYS and word in spoken:
                yield Expansion(*match.span(), spoken[word])
            continue
        following = _GOES_ON.match(text, match.end())
        number = following is not None and following["next"].isdigit()
        if word in ANYWHERE or "." in word or (word in BEFORE_NUMBERS and number):
            known = spoken.get(word)
            if following:
                yield Expansion(*match.span(), known or match["word"])
            elif known:  # the stop ends the sentence as well
                yield Expansion(match.start(), match.end() - 1, known)
        elif following and len(word) == 1 and match["word"].isupper():
            yield Expansion(*match.span(), match["word"])  # an initial


def _sum(match: "re.Match[str]") -> str:
    whole, part = match["whole"].replace(",", ""), match["part"]
    name = _CURRENCIES[match["sign"]]
    plural = name if name == "yen" else f"{name}s"
    if match["scale"]:
        scale = match["scale"].lower()
        return f"{whole}{'.' + part if part else ''} {_SCALES.get(scale, scale)} {plural}"
    if int(whole) == 0 and part and int(part) and name in _CENTS:
        return f"{int(part)} {_CENTS[name]}"
    spoken = f"{whole} {name if int(whole) == 1 else plural}"
    return f"{spoken} {int(part)}" if part and int(part) else spoken
