"""Words that are written with a full stop inside a sentence, by which no sentence ends."""

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
