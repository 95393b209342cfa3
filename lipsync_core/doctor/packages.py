"""Which packages are installed, against those that the program asks for."""

import re
from collections.abc import Iterable
from importlib import metadata

from lipsync_core.doctor.attempt import INSTALL_ANEW
from lipsync_core.installation import DISTRIBUTION, IN_CHECKOUT, ROOT


def versions() -> dict[str, str | None]:
    """Installed version of each package that the program asks for; None where it is missing."""
    return {name: _installed(name) for name in _names(_asked())}


def problems() -> list[str]:
    """A sentence for each package that is needed and missing, or pinned and another version."""
    found = []
    optional = _of_engines() | _names(line for line in _asked() if "extra ==" in line).keys()
    for name, wanted in _names(_asked()).items():
        installed = _installed(name)
        if installed is None and name not in optional:
            found.append(f"The package {name} is missing; {INSTALL_ANEW}.")
        elif installed is not None and wanted and installed.partition("+")[0] != wanted:
            found.append(f"The package {name} is {installed}, but {wanted} was tested; {INSTALL_ANEW}.")
    return found


def _of_engines() -> set[str]:
    """Those of speech engines; see NOTICE."""
    from lipsync_core.speech.engines.registry import engine_classes

    return {package for engine in engine_classes().values() for package in engine.packages.values()}


def _asked() -> list[str]:
    """Requirements as pip takes them: the tested ones in a checkout, else those it was installed by."""
    if IN_CHECKOUT:
        return (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return metadata.requires(DISTRIBUTION) or []


def _names(requirements: Iterable[str]) -> dict[str, str]:
    """Name and pinned version, "" where it is a range."""
    found = (re.match(r"([A-Za-z0-9_.-]+)(?:==([^\s;]+))?", line) for line in requirements)
    return {one[1]: one[2] or "" for one in found if one}


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
