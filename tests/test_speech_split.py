"""Where a text is cut: at the ends of sentences, and nowhere else unless it is too long."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipsync_core.speech.text.segmentation import MAX_WEIGHT, split


def cut(text: str) -> list[str]:
    return [text[piece.start : piece.end] for piece in split(text)]


@pytest.mark.parametrize(
    "sentences",
    [
        ["Dr. Smith met Mr. J. R. Jones at 5 p.m. in St. Paul.", "He paid $3.50."],
        ["Version 2.0.1 of example.com is out.", "See www.example.com/a.b?c=1."],
        ["Is it?", "Yes!", "Really?!", "No..."],
        ['He said "Stop." and left.', "(She stayed.)", "“Why?”", "Because."],
        ["E.g. this, i.e. that, etc. and so on.", "The U.S. Army vs. them."],
        ["Das ist z.B. gut.", "Am 3. Mai, d.h. morgen."],
        ["Это стоит 5 руб. за шт.", "Москва — большой г., т.е. столица."],
        ["今日は。", "元気ですか？", "はい！"],
        ["你好。", "我是小明。"],
        ["क्या हाल है?", "मैं ठीक हूँ।", "धन्यवाद।"],
        ["هل أنت بخير؟", "نعم."],
        ["1. First item", "2. Second item", "- Third"],
    ],
)
def test_sentences_end_where_a_reader_says(sentences):
    joiner = "" if sentences[0][-1] in "。？" else "\n" if sentences[0].startswith("1.") else " "
    assert cut(joiner.join(sentences)) == sentences


def test_a_wrapped_line_goes_on_and_an_empty_one_ends():
    assert cut("The fox\njumps over\nthe dog.") == ["The fox\njumps over\nthe dog."]
    assert cut("A title\n\nThe text.") == ["A title", "The text."]


@pytest.mark.parametrize("unit", ["word ", "w", "слово ", "字", "😀", "ا", "5", "👨‍👩‍👧", "é"])
def test_text_without_punctuation_comes_in_pieces_of_bounded_length(unit):
    text = (unit * 5000)[:5000]
    pieces = cut(text)
    assert "".join(pieces).replace(" ", "") == text.replace(" ", "")
    assert max(len(piece) for piece in pieces) <= MAX_WEIGHT + 12
    assert len(pieces[0]) <= 130
    for piece in pieces:
        assert piece[0] not in "\u200d\u0301"
        assert not piece.endswith("\u200d")


@given(st.text(max_size=400))
def test_every_character_is_in_exactly_one_piece(text):
    check(text)


def test_every_character_of_odd_mixtures_is_in_exactly_one_piece():
    random.seed(4)
    parts = [
        "Dr. ",
        "a",
        ".",
        "…",
        "\n",
        " ",
        "。",
        "!",
        '"',
        "(",
        ")",
        "1. ",
        "- ",
        "й",
        "字",
        "😀",
        "e.g. ",
        ", ",
        "x" * 90,
    ]
    for _ in range(2000):
        check("".join(random.choices(parts, k=random.randint(1, 30))))


def check(text: str) -> None:
    pieces = list(split(text))
    at = 0
    for piece in pieces:
        assert not text[at : piece.start].strip()
        assert piece.start < piece.end
        assert not text[piece.start].isspace()
        assert not text[piece.end - 1].isspace()
        at = piece.end
    if pieces:
        assert not text[at:].strip()
