"""What eSpeak NG remembers from one text to the next, put back so that a text sounds the same each time.

The phases of its wave generator and of its flutter, and a count of cycles, go on from text to text, which shifts
sounds by a few milliseconds. The library has no call that sets them, but names them in its symbol table; where it does
not (on other systems, or stripped), nothing is put back, and a text varies by an inaudible bit.
"""

import ctypes
import struct
from collections.abc import Iterator
from pathlib import Path

REMEMBERED = ("wavephase", "Flutter_ix", "cycle_count")  # C int variables of its wavegen.c
ANCHOR = "espeak_Synth"  # an exported function, by which the addresses in the file become those in memory

_SYMBOL_TABLE = 2  # section type
_SYMBOL = struct.Struct("<IBBHQQ")  # name, info, other, section, value, size: Elf64_Sym
_SECTION = struct.Struct("<IIQQQQIIQQ")  # name, type, flags, address, offset, size, link, ...: Elf64_Shdr


class ESpeakState:
    """The remembered variables of a loaded library, with the values of this moment."""

    def __init__(self, dll: ctypes.CDLL, path: Path) -> None:
        found = dict(_symbols(path.read_bytes()))
        self._variables: list[tuple[ctypes.c_int, int]] = []
        if ANCHOR in found:
            loaded_at = (ctypes.cast(getattr(dll, ANCHOR), ctypes.c_void_p).value or 0) - found[ANCHOR]
            for name in REMEMBERED:
                if name in found:
                    variable = ctypes.c_int.from_address(loaded_at + found[name])
                    self._variables.append((variable, variable.value))

    def restore(self) -> None:
        """Put the values back."""
        for variable, value in self._variables:
            variable.value = value


def _symbols(data: bytes) -> Iterator[tuple[str, int]]:
    """Names, without what a compiler appends to them, and addresses in a 64-bit little-endian ELF file."""
    if data[:6] != b"\x7fELF\x02\x01":
        return
    (sections_at,) = struct.unpack_from("<Q", data, 40)
    size, count = struct.unpack_from("<HH", data, 58)
    sections = [_SECTION.unpack_from(data, sections_at + i * size) for i in range(count)]
    for _, kind, _, _, offset, length, link, *_ in sections:
        if kind == _SYMBOL_TABLE:
            names_at = sections[link][4]
            for name, _, _, section, value, _ in _SYMBOL.iter_unpack(data[offset : offset + length]):
                if section:  # defined here
                    start = names_at + name
                    yield data[start : data.index(b"\0", start)].decode("latin-1").split(".")[0], value
