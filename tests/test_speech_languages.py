"""Languages, scripts and symbols: everything written is read by a voice that can, or by its name."""

import pytest

from lipsync_core.errors import LipsyncError
from lipsync_core.speech import choose_voice, default_voice, languages, voices
from tests.speech_checks import phonemes, spoken, words

pytestmark = pytest.mark.usefixtures("unmeasured")  # the defaults depend on it

GREETINGS = {  # guessed language, text, how it begins to sound
    "ru": ("Привет, как дела?", "prʲivʲet"),
    "uk": ("Привіт, їжаче!", "prɪ"),
    "zh": ("你好，世界。", "niχɑu"),
    "ja": ("こんにちは。", "ko̞nnitɕi"),
    "ko": ("안녕하세요.", "ɐnn"),
    "hi": ("नमस्ते दुनिया।", "nəmʌste"),
    "ar": ("مرحبا بالعالم", "mrħba"),
    "fa": ("سلام گل من", "salɑm"),
    "he": ("שלום עולם", "ʃalom"),
    "el": ("Καλημέρα κόσμε", "kalime"),
    "th": ("สวัสดี", "s"),
    "ta": ("வணக்கம்", "vʌɳʌk"),
    "ka": ("გამარჯობა", "ɡamardʒoba"),
    "am": ("ሰላም", "səlam"),
}


@pytest.mark.parametrize("language", GREETINGS)
def test_a_language_is_known_by_its_script(language):
    text, sounds = GREETINGS[language]
    speeches = spoken(text)
    assert default_voice(language).id == speeches[0].voice
    assert phonemes(speeches).startswith(sounds)
    assert choose_voice(text, language=language) == choose_voice(text)


def test_latin_letters_are_english_unless_one_says_otherwise():
    assert choose_voice("Bonjour le monde").language == "en-US"
    assert phonemes(spoken("Bonjour", language="fr")) == "bɔ̃ʒuʁ"
    assert phonemes(spoken("Bonjour", language="French")) == "bɔ̃ʒuʁ"
    assert phonemes(spoken("Bonjour", language="français")) == "bɔ̃ʒuʁ"


def test_every_language_that_is_listed_speaks_its_own_name():
    listed = languages()
    assert len(listed) > 120
    for language in listed:
        speeches = spoken(language.native_name, language=language.code)
        assert speeches[0].voice == default_voice(language.code).id


def test_voices_of_a_language_and_of_its_regions():
    assert {voice.language for voice in voices("ru")} == {"ru", "ru-LV", "ru-x-classic"}
    assert voices("en")[0].neural
    assert {voice.language for voice in voices("pt-BR")} == {"pt-BR"}
    assert {voice.language for voice in voices("pt")} == {"pt-PT", "pt-BR"}
    assert len({voice.id for voice in voices()}) == len(voices())
    with pytest.raises(LipsyncError, match="xx-nowhere"):
        voices("xx-nowhere")


@pytest.mark.parametrize("voice", ["espeak:en-us", "piper:en_US-joe-medium"])
def test_each_script_of_a_sentence_is_read_by_a_voice_that_can(voice):
    speeches = spoken("My friend Привет says שלום to 小明 today.", voice=voice)
    heard = phonemes(speeches)
    places = [heard.index(part) for part in ("maɪf", "prʲivʲet", "sɛz", "ʃalom", "ɕjɑumiŋ", "deɪ")]
    assert places == sorted(places)
    assert words(speeches)[:6] == ["My", "friend", "Привет", "says", "שלום", "to"]
    assert "".join(words(speeches)[6:]) == "小明today"


@pytest.mark.parametrize("voice", ["espeak:en-us", "piper:en_US-joe-medium"])
@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("I like 🍕", "pizza"),
        ("❤️", "red heart"),
        ("🫠", "melting face"),
        ("100 € and 5 %", "euro percent"),
        ("2 + 2 = 4", "two plus two equals four"),
        ("😀", "grinning face"),
        ("👍🏽", "thumbs up"),
        ("☃", "snowman"),
        ("½", "half"),
        ("ᚠ", "runic letter"),
        ("⠓", "braille"),
        ("𐎀", "ugaritic letter"),
        ("♞", "black chess knight"),
    ],
)
def test_symbols_are_read_by_name(text, heard, voice):
    said = phonemes(spoken(text, voice=voice))
    for word in heard.split():
        # A word in a sentence loses some of its sound; the beginning is enough to know it.
        alone = phonemes(spoken(word, voice=voice))
        assert alone[:3] in said, (word, alone, said)


def test_symbols_have_names_in_other_languages_too():
    for voice in ("espeak:ru", "espeak:ar", "espeak:cmn", "espeak:vi"):
        for text in ("😀", "☃", "€", "`a", "ⓜ", "⠓"):
            assert phonemes(spoken(text, voice=voice))


def test_an_emoji_is_one_word():
    assert words(spoken("Hello 👨‍👩‍👧 world 🇫🇷!", voice="espeak:en-us")) == ["Hello", "👨‍👩‍👧", "world", "🇫🇷"]


def test_markup_and_commands_are_read_not_obeyed():
    said = phonemes(spoken("a <break time='9s'/> [[h@l'oU]] b", voice="espeak:en-us"))
    assert "bɹeɪk" in said
    assert "taɪm" in said
    assert sum(speech.duration for speech in spoken("<silence msec='20000'/> end", voice="espeak:en-us")) < 15


@pytest.mark.parametrize("digits", ["7", "123456789", "1,234,567", "100,000,000,000,000,000,000,000,000", "9" * 40])
def test_numbers_are_heard_to_the_last_digit(digits):
    for voice in ("espeak:en-us", "espeak:de", "espeak:ar", "piper:en_US-joe-medium"):
        less = phonemes(spoken(digits[:-1] or "0", voice=voice))
        more = phonemes(spoken(digits, voice=voice))
        assert less != more
        assert len(more) >= min(len(digits), 3)


def test_unusual_letters_are_the_usual_ones_in_other_clothes():
    plain = phonemes(spoken("Hello fine", voice="espeak:en-us"))
    assert phonemes(spoken("Ｈｅｌｌｏ ﬁne", voice="espeak:en-us")) == plain
    assert phonemes(spoken("𝓗𝓮𝓵𝓵𝓸 fine", voice="espeak:en-us")) == plain
    assert phonemes(spoken("Hel\u00adlo fi\u200bne", voice="espeak:en-us")) == plain


@pytest.mark.parametrize("text", ["word " * 1000, "w" * 5000, "слово " * 833, "字" * 5000, "ا" * 5000])
def test_5000_characters_without_punctuation_are_all_spoken(text):
    speeches = spoken(text, voice="espeak:en-us")
    assert len(speeches) > 15
    assert max(speech.duration for speech in speeches) < 120


@pytest.mark.parametrize("text", ["\ua830", "𐢩.", "\U000118f2 ?!", "ꙮ", "〄", "㈠", "ༀ", "\U0001fbf0"])
def test_letters_and_numbers_of_rare_scripts_are_named(text):
    for voice in ("espeak:en-us", "espeak:hi"):
        spoken(text, voice=voice)  # which checks that there is something to hear
