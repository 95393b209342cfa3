"""Texts that run in one click."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Example:
    """label: on the button. language: a code, or empty for the automatic choice."""

    label: str
    text: str
    face: str
    language: str = ""


EXAMPLES = (
    Example("Hello", "Hello! Write what I should say, choose a face and a voice, and I will say it.", "amara"),
    Example(
        "News",
        "Good evening. A warm front brings rain to the coast tonight; by tomorrow morning the sky will be clear, "
        "with light winds from the west.",
        "ravi",
    ),
    Example("Русский", "Здравствуйте! Напишите текст, выберите лицо, и я его прочитаю.", "ingrid", "ru"),
    Example("Español", "¡Hola! Escribe un texto y elige una cara: la voz y los labios van juntos.", "mei", "es"),
    Example("Deutsch", "Guten Tag! Schreiben Sie einen Text, und dieses Gesicht spricht ihn.", "tomas", "de"),
)
