"""Languages: their codes, names in English and in themselves, and the scripts they are written in."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from lipsync_core.errors import LipsyncError

NAMING_LANGUAGE = "en-US"  # of the names that symbols have in Unicode
RIGHT_TO_LEFT = {"ARABIC", "HEBREW"}

# BCP-47 code: English name; own name; scripts other than Latin that are read in this language.
_TABLE = """
af: Afrikaans; Afrikaans
am: Amharic; አማርኛ; ETHIOPIC
an: Aragonese; aragonés
ar: Arabic; العربية; ARABIC
as: Assamese; অসমীয়া; BENGALI
az: Azerbaijani; azərbaycan
ba: Bashkir; башҡортса; CYRILLIC
be: Belarusian; беларуская; CYRILLIC
bg: Bulgarian; български; CYRILLIC
bn: Bengali; বাংলা; BENGALI
bpy: Bishnupriya Manipuri; বিষ্ণুপ্রিয়া মণিপুরী; BENGALI
bs: Bosnian; bosanski
ca: Catalan; català
ca-valencia: Catalan (Valencian); valencià
ca-x-balear: Catalan (Balearic); català (balear)
ca-x-nw: Catalan (North-western); català (nord-occidental)
chr: Cherokee; ᏣᎳᎩ; CHEROKEE
cs: Czech; čeština
cv: Chuvash; чӑвашла; CYRILLIC
cy: Welsh; Cymraeg
da: Danish; dansk
de: German; Deutsch
el: Greek; ελληνικά; GREEK
en-029: English (Caribbean); English (Caribbean)
en-GB: English (Great Britain); English (Great Britain)
en-GB-scotland: English (Scotland); English (Scotland)
en-GB-x-gbclan: English (Lancaster); English (Lancaster)
en-GB-x-gbcwmd: English (West Midlands); English (West Midlands)
en-GB-x-rp: English (Received Pronunciation); English (Received Pronunciation)
en-Shaw: English (Shavian alphabet); 𐑦𐑙𐑜𐑤𐑦𐑖; SHAVIAN
en-US: English (America); English (America)
en-US-x-nyc: English (New York City); English (New York City)
eo: Esperanto; Esperanto
es: Spanish; español
es-419: Spanish (Latin America); español (Latinoamérica)
et: Estonian; eesti
eu: Basque; euskara
fa: Persian; فارسی; ARABIC
fa-Latn: Persian (Pinglish); farsi
fi: Finnish; suomi
fr: French; français
fr-BE: French (Belgium); français (Belgique)
fr-CH: French (Switzerland); français (Suisse)
ga: Irish; Gaeilge
gd: Scottish Gaelic; Gàidhlig
gn: Guarani; avañe'ẽ
grc: Ancient Greek; ἑλληνική; GREEK
gu: Gujarati; ગુજરાતી; GUJARATI
hak: Hakka Chinese; Hak-kâ-ngî
haw: Hawaiian; ʻŌlelo Hawaiʻi
he: Hebrew; עברית; HEBREW
hi: Hindi; हिन्दी; DEVANAGARI
hr: Croatian; hrvatski
ht: Haitian Creole; kreyòl ayisyen
hu: Hungarian; magyar
hy: Armenian; հայերեն; ARMENIAN
hyw: Western Armenian; արեւմտահայերէն; ARMENIAN
ia: Interlingua; interlingua
id: Indonesian; Indonesia
io: Ido; Ido
is: Icelandic; íslenska
it: Italian; italiano
ja: Japanese; 日本語; KANA
jbo: Lojban; la .lojban.
ka: Georgian; ქართული; GEORGIAN
kk: Kazakh; қазақ тілі; CYRILLIC
kl: Greenlandic; kalaallisut
kn: Kannada; ಕನ್ನಡ; KANNADA
ko: Korean; 한국어; HANGUL
kok: Konkani; कोंकणी; DEVANAGARI
ku: Kurdish; kurdî
ky: Kyrgyz; кыргызча; CYRILLIC
la: Latin; Latina
lb: Luxembourgish; Lëtzebuergesch
lfn: Lingua Franca Nova; lingua franca nova
lt: Lithuanian; lietuvių
ltg: Latgalian; latgaļu
lv: Latvian; latviešu
mi: Māori; te reo Māori
mk: Macedonian; македонски; CYRILLIC
ml: Malayalam; മലയാളം; MALAYALAM
mr: Marathi; मराठी; DEVANAGARI
ms: Malay; Melayu
mt: Maltese; Malti
mto: Totontepec Mixe; Ayöök
my: Burmese; မြန်မာ; MYANMAR
nb: Norwegian; norsk
nci: Classical Nahuatl; nāhuatlahtōlli
ne: Nepali; नेपाली; DEVANAGARI
nl: Dutch; Nederlands
nog: Nogai; ногайша; CYRILLIC
om: Oromo; Afaan Oromoo
or: Odia; ଓଡ଼ିଆ; ORIYA
pa: Punjabi; ਪੰਜਾਬੀ; GURMUKHI
pap: Papiamento; Papiamentu
pl: Polish; polski
art-x-pyash: Pyash; Pyash
pt-BR: Portuguese (Brazil); português (Brasil)
pt-PT: Portuguese (Portugal); português (Portugal)
qdb: Lang Belta; Lang Belta
qu: Quechua; Runasimi
quc: K'iche'; K'iche'
qya: Quenya; Quenya
ro: Romanian; română
ru: Russian; русский; CYRILLIC
ru-LV: Russian (Latvia); русский (Латвия); CYRILLIC
ru-x-classic: Russian (Classic); русский (классический); CYRILLIC
sd: Sindhi; سنڌي; ARABIC
shn: Shan; လိၵ်ႈတႆး; MYANMAR
si: Sinhala; සිංහල; SINHALA
sjn: Sindarin; Sindarin
sk: Slovak; slovenčina
sl: Slovenian; slovenščina
smj: Lule Sami; julevsámegiella
sq: Albanian; shqip
sr: Serbian; српски; CYRILLIC
sv: Swedish; svenska
sw: Swahili; Kiswahili
ta: Tamil; தமிழ்; TAMIL
te: Telugu; తెలుగు; TELUGU
th: Thai; ไทย; THAI
ti: Tigrinya; ትግርኛ; ETHIOPIC
tk: Turkmen; türkmen dili
tlh: Klingon; tlhIngan Hol; KLINGON
tn: Tswana; Setswana
tr: Turkish; Türkçe
tt: Tatar; татар; CYRILLIC
ug: Uyghur; ئۇيغۇرچە; ARABIC
uk: Ukrainian; українська; CYRILLIC
ur: Urdu; اردو; ARABIC
uz: Uzbek; o‘zbek
vi: Vietnamese; Tiếng Việt
vi-x-central: Vietnamese (Central); Tiếng Việt (Trung)
vi-x-south: Vietnamese (Southern); Tiếng Việt (Nam)
yue: Cantonese; 粵語; HAN
yue-Latn: Cantonese (Jyutping); jyut6 ping3
zh: Chinese (Mandarin); 中文; HAN
zh-Latn: Chinese (Pinyin); pīnyīn
"""

# What people also write, in lower case: codes without a region, older codes, other names.
_ALIASES = {
    "en": "en-US", "english": "en-US", "american": "en-US", "british": "en-GB", "en-uk": "en-GB",
    "en-sc": "en-GB-scotland",
    "pt": "pt-PT", "portuguese": "pt-PT", "português": "pt-PT", "brazilian": "pt-BR",
    "chinese": "zh", "mandarin": "zh", "cmn": "zh", "zh-cmn": "zh", "普通话": "zh", "汉语": "zh", "简体中文": "zh",
    "繁體中文": "zh", "zh-hk": "yue", "zh-mo": "yue", "zh-yue": "yue", "粤语": "yue", "廣東話": "yue",
    "no": "nb", "nn": "nb", "norwegian bokmål": "nb", "bokmål": "nb", "iw": "he", "in": "id",
    "farsi": "fa", "myanmar": "my", "gaelic": "gd", "oriya": "or", "hbs": "hr", "setswana": "tn", "castilian": "es",
    "es-mx": "es-419", "es-ar": "es-419", "es-co": "es-419", "es-us": "es-419",
    "bahasa indonesia": "id", "piqd": "tlh",
}  # fmt: skip

# Which language reads a passage whose script the chosen voice does not read.
_READERS = {
    "LATIN": "en-US", "CYRILLIC": "ru", "GREEK": "el", "ARABIC": "ar", "HEBREW": "he", "HAN": "zh", "KANA": "ja",
    "HANGUL": "ko", "DEVANAGARI": "hi", "BENGALI": "bn", "GUJARATI": "gu", "GURMUKHI": "pa", "ORIYA": "or",
    "TAMIL": "ta", "TELUGU": "te", "KANNADA": "kn", "MALAYALAM": "ml", "SINHALA": "si", "THAI": "th",
    "MYANMAR": "my", "ETHIOPIC": "am", "ARMENIAN": "hy", "GEORGIAN": "ka", "CHEROKEE": "chr", "SHAVIAN": "en-Shaw",
}  # fmt: skip


@dataclass(frozen=True)
class Language:
    """A language that can be spoken.

    code: BCP-47, such as "ru" or "pt-BR".
    name, native_name: in English, and in the language itself.
    scripts: names of the scripts, besides Latin, that it is read from; capitals, as Unicode names them.
    """

    code: str
    name: str
    native_name: str
    scripts: tuple[str, ...] = ()

    @property
    def right_to_left(self) -> bool:
        """Whether it is written from right to left."""
        return any(script in RIGHT_TO_LEFT for script in self.scripts)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self) | {"scripts": list(self.scripts), "right_to_left": self.right_to_left}


@lru_cache(maxsize=1)
def known_languages() -> dict[str, Language]:
    """Every language of the table by its code."""
    table = {}
    for line in _TABLE.strip().splitlines():
        code, _, rest = line.partition(": ")
        name, native, *scripts = rest.split("; ")
        table[code] = Language(code, name, native, tuple(scripts))
    return table


def reader(script: str) -> str | None:
    """Code of the language that reads a passage in `script`, or None where there is none."""
    return _READERS.get(script)


@lru_cache(maxsize=16)
def _codes_by_name(spoken: frozenset[str]) -> dict[str, str]:
    """The codes in `spoken` and of the table, by all that people call them, in lower case."""
    by_name = {code.lower(): code for code in spoken}
    for language in known_languages().values():
        for name in (language.code, language.name, language.native_name):
            by_name.setdefault(name.lower(), language.code)
    return by_name | {alias: code for alias, code in _ALIASES.items() if alias not in by_name}


def language_code(given: str, spoken: Collection[str]) -> str:
    """The code among `spoken` that is meant by a code ("en", "pt_br", "de-AT") or name ("Russian", "русский").

    Raises LipsyncError, naming close matches, where none is.
    """
    by_name = _codes_by_name(frozenset(spoken))
    wanted = " ".join(given.split()).lower()
    candidates = [wanted]
    tag = wanted.replace("_", "-").split(".")[0]  # de_DE.UTF-8, as in LANG
    while tag:
        candidates.append(tag)
        tag = tag.rpartition("-")[0]
    for candidate in candidates:
        if by_name.get(candidate) in spoken:
            return by_name[candidate]
    close = get_close_matches(wanted, [name for name, code in by_name.items() if code in spoken], n=4, cutoff=0.6)
    if close:
        raise LipsyncError(
            'No voice speaks the language "{language}"; did you mean {close: or }?',
            language=shorten(given),
            close=tuple(dict.fromkeys(by_name[name] for name in close)),
        )
    raise LipsyncError(
        'No voice speaks the language "{language}"; give a code such as en, ru or pt-BR; '
        "`python -m lipsync_core voices` lists all.",
        language=shorten(given),
    )


def shorten(text: str, length: int = 60) -> str:
    """`text` in one line that fits into a message."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"
