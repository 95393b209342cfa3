"""Every knob, from the environment (LIPSYNC_ and the name in capitals), checked, with a default for each."""

import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lipsync_core.errors import LipsyncError
from lipsync_core.installation import IN_CHECKOUT, ROOT

PREFIX = "LIPSYNC_"
UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}  # what a size in bytes may end in

Check = dict[str, Any]  # "parse": text to value, ValueError if not allowed; "allowed": what is, in words


def _whole(low: int, high: int) -> Check:
    def parse(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError
        return value

    return {"parse": parse, "allowed": f"a whole number from {low} to {high}"}


def _real(low: float, high: float) -> Check:
    def parse(text: str) -> float:
        value = float(text)
        if not (math.isfinite(value) and low <= value <= high):
            raise ValueError
        return value

    return {"parse": parse, "allowed": f"a number from {low:g} to {high:g}"}


def _size(low: int) -> Check:
    def parse(text: str) -> int:
        unit = UNITS.get(text[-1:].upper(), 1)
        value = int(float(text[:-1]) * unit) if unit > 1 else int(text)
        if value < low:
            raise ValueError
        return value

    return {"parse": parse, "allowed": f"a number of bytes, {low} or more, such as 500M or 2G"}


def _batches() -> Check:
    def parse(text: str) -> tuple[int, ...]:
        values = tuple(int(part) for part in text.split(","))
        if not all(1 <= value <= 960 for value in values):
            raise ValueError
        return values

    return {"parse": parse, "allowed": "whole numbers from 1 to 960 with commas between them, such as 1,2,4,8"}


def _one_of(*names: str) -> Check:
    def parse(text: str) -> str:
        if text.lower() not in names:
            raise ValueError
        return text.lower()

    return {"parse": parse, "allowed": "one of " + ", ".join(names)}


def _name() -> Check:
    def parse(text: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,60}", text):
            raise ValueError
        return text

    return {"parse": parse, "allowed": "a name of letters, digits and - . _"}


def _origins() -> Check:
    def parse(text: str) -> tuple[str, ...]:
        values = tuple(part.strip().rstrip("/").lower() for part in text.split(",") if part.strip())
        if not all(value == "*" or value.startswith(("http://", "https://")) for value in values):
            raise ValueError
        return values

    return {"parse": parse, "allowed": "addresses such as https://example.org with commas between them, or *"}


def _hosts() -> Check:
    def parse(text: str) -> tuple[str, ...]:
        values = tuple(part.strip().lower() for part in text.split(",") if part.strip())
        if not all(re.fullmatch(r"[a-z0-9._-]+", value) for value in values):
            raise ValueError
        return values

    return {"parse": parse, "allowed": "host names such as studio.example.org with commas between them"}


def _secret() -> Check:
    def parse(text: str) -> str:
        if len(text) < 8 or not text.isascii() or not text.isprintable():
            raise ValueError
        return text

    return {"parse": parse, "allowed": "8 or more ASCII characters"}


def _http_address() -> Check:
    def parse(text: str) -> str:
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError
        _ = parts.port  # ValueError where it is no number
        return text.rstrip("/")

    return {"parse": parse, "allowed": "an address such as http://localhost:8880/v1"}


def _names() -> Check:
    def parse(text: str) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
        if not names or not all(name.partition(":")[0] and name.isprintable() for name in names):
            raise ValueError
        return names

    return {
        "parse": parse,
        "allowed": "names with commas between them, such as nova,onyx:de",
    }


def _printable() -> Check:
    def parse(text: str) -> str:
        if not text.isascii() or not text.isprintable():
            raise ValueError
        return text

    return {"parse": parse, "allowed": "printable ASCII characters"}


def _ice_servers() -> Check:
    def parse(text: str) -> tuple[dict[str, str], ...]:
        servers = json.loads(text)
        servers = [servers] if isinstance(servers, dict) else servers
        known = {"urls", "username", "credential"}
        if not isinstance(servers, list) or not all(
            isinstance(server, dict) and "urls" in server and set(server) <= known for server in servers
        ):
            raise ValueError
        if not all(re.match(r"(stuns?|turns?):\S+$", str(server["urls"])) for server in servers):
            raise ValueError
        return tuple({name: str(value) for name, value in server.items()} for server in servers)

    return {
        "parse": parse,
        "allowed": '[{"urls": "turn:example.org:3478", "username": "...", "credential": "..."}]',
    }


def _switch() -> Check:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}

    def parse(text: str) -> bool:
        if text.lower() not in words:
            raise ValueError
        return words[text.lower()]

    return {"parse": parse, "allowed": "1 or 0"}


def _folder() -> Check:
    def parse(text: str) -> Path:
        path = Path(text).expanduser()
        if path.exists() and not path.is_dir():
            raise ValueError
        return path.absolute()

    return {"parse": parse, "allowed": "a folder, not a file"}


def _file() -> Check:
    def parse(text: str) -> Path:
        path = Path(text).expanduser()
        if not path.is_file():
            raise ValueError
        return path.absolute()

    return {"parse": parse, "allowed": "an existing file"}


def _pads() -> Check:
    def parse(text: str) -> tuple[int, int, int, int]:
        top, bottom, left, right = (int(part) for part in text.split(","))
        if not all(-1000 <= pad <= 1000 for pad in (top, bottom, left, right)):
            raise ValueError
        return top, bottom, left, right

    return {"parse": parse, "allowed": "four whole numbers of pixels (top, bottom, left, right), such as 0,10,0,0"}


def _own_folder(variable: str, otherwise: str) -> Path:
    # The XDG Base Directory Specification tells to ignore a path that is not absolute.
    home = os.environ.get(variable, "")
    return (Path(home) if Path(home).is_absolute() else Path.home() / otherwise) / "lipsync-studio"


def _default_cache() -> Path:
    return _own_folder("XDG_CACHE_HOME", ".cache")


def _default_checkpoints() -> Path:
    return (ROOT if IN_CHECKOUT else _own_folder("XDG_DATA_HOME", ".local/share")) / "checkpoints"


@dataclass(frozen=True)
class Settings:
    """One value per knob; the comments give units and meaning."""

    # Prepared avatars: may be deleted at any time; the longest unused go beyond the limit.
    cache_dir: Path = field(default_factory=_default_cache, metadata=_folder())
    cache_limit_bytes: int = field(default=2 * 2**30, metadata=_size(0))
    # Downloaded model files, and those put there by hand: in a checkout its folder checkpoints, else one of the user's.
    checkpoints_dir: Path = field(default_factory=_default_checkpoints, metadata=_folder())
    # Never fetch a file, say how to get it instead.
    offline: bool = field(default=False, metadata=_switch())
    # Without a kilobyte coming, after which a download counts as stuck and is asked for again.
    stall_seconds: float = field(default=30.0, metadata=_real(0.1, 3600))
    # Who may have model files downloaded by the page and the API: whoever sits at this machine, all, or none.
    downloads: str = field(default="local", metadata=_one_of("local", "everybody", "nobody"))
    device: str = field(default="auto", metadata=_one_of("auto", "cpu", "cuda"))
    # CPU threads of torch; None is torch's own choice.
    threads: int | None = field(default=None, metadata=_whole(1, 1024))
    # A server that speaks OpenAI's POST /v1/audio/speech: its address, key, model and voices, each with its language
    # behind a colon where that is not English. None contacts nobody.
    speech_url: str | None = field(default=None, repr=False, metadata=_http_address())
    speech_key: str | None = field(default=None, repr=False, metadata=_printable())
    speech_model: str = field(default="tts-1", metadata=_printable())
    speech_voices: tuple[str, ...] = field(default=("alloy",), metadata=_names())
    # Networks of voices that stay in memory; the longest unused one goes first.
    voice_models: int = field(default=3, metadata=_whole(1, 100))
    # Weights of the model wav2lip, a .pth or .safetensors file of one's own; None is the verified checkpoint.
    wav2lip_weights: Path | None = field(default=None, metadata=_file())
    # What wav2lip computes with; auto is float16 on a GPU, bfloat16 on a CPU that has it, else float32.
    wav2lip_precision: str = field(default="auto", metadata=_one_of("auto", "float32", "bfloat16", "float16"))
    # Pixels added to the face's box, as the official script's --pads.
    wav2lip_pads: tuple[int, int, int, int] = field(default=(0, 10, 0, 0), metadata=_pads())
    # How far the drawn mouth is sharpened to the grain of the picture, 0 to 1.
    wav2lip_sharpen: float = field(default=0.6, metadata=_real(0, 1))
    # The sound of each frame from where the official script takes it, which is one frame late.
    wav2lip_official_chunks: bool = field(default=False, metadata=_switch())
    # The model that draws where none is chosen.
    model: str = field(default="rig", metadata=_name())
    # Frames that may wait between two stages.
    queue_frames: int = field(default=30, metadata=_whole(1, 3000))
    # Frames a batch from the start; the last size repeats.
    low_latency_batches: tuple[int, ...] = field(default=(1, 2, 4, 8, 16, 32), metadata=_batches())
    # Frames a batch at most, where memory allows it.
    throughput_batch: int = field(default=960, metadata=_whole(1, 960))
    # Frames a second of a photo's video.
    fps: float = field(default=25.0, metadata=_real(1, 120))
    jpeg_quality: int = field(default=85, metadata=_whole(1, 100))
    # Characters of one text; the default is about two hours of speech.
    max_text_chars: int = field(default=100_000, metadata=_whole(1, 10_000_000))
    # One file that comes over the web.
    max_upload_bytes: int = field(default=500 * 2**20, metadata=_size(1))
    # One recording, as it lies on the disk and as it sounds.
    max_recording_bytes: int = field(default=16 * 2**30, metadata=_size(1))
    max_recording_seconds: float = field(default=4 * 3600.0, metadata=_real(1, 86400))
    # One picture, or one frame of a clip, that comes over the web.
    max_upload_pixels: int = field(default=50_000_000, metadata=_whole(1, 89_000_000))
    # One recording or clip that comes over the web.
    max_upload_seconds: float = field(default=1800.0, metadata=_real(1, 86400))
    # Pixels of the shorter side that may be asked for over the web.
    max_size: int = field(default=1080, metadata=_whole(64, 2160))
    # Jobs at once, of the page, the API and all streams together; and how many more may wait in line.
    max_sessions: int = field(default=4, metadata=_whole(1, 1000))
    max_waiting: int = field(default=16, metadata=_whole(0, 10_000))
    # From the start of a job to its end at the latest.
    max_session_seconds: float = field(default=3 * 3600.0, metadata=_real(1, 86400))
    # Videos and uploaded avatars that are kept for whoever has their address.
    keep_seconds: float = field(default=3600.0, metadata=_real(1, 30 * 86400))
    keep_files: int = field(default=32, metadata=_whole(1, 10_000))
    # Where files of running requests lie; None is the system's folder of temporary files.
    work_dir: Path | None = field(default=None, metadata=_folder())
    # Names of this server that a proxy on the same machine passes on; without a key, no other is answered.
    allowed_hosts: tuple[str, ...] = field(default=(), metadata=_hosts())
    # Pages of other origins that may use the API; * is any.
    allowed_origins: tuple[str, ...] = field(default=(), metadata=_origins())
    # What opens the server: programs send `Authorization: Bearer KEY`, the page asks for it; None asks for nothing.
    api_key: str | None = field(default=None, repr=False, metadata=_secret())
    # STUN and TURN servers for WebRTC beyond the local network, in JSON as RTCPeerConnection takes them.
    ice_servers: tuple[dict[str, str], ...] = field(default=(), repr=False, metadata=_ice_servers())


def variable(knob: "Field[Any]") -> str:
    """Name of the environment variable that sets a field of Settings."""
    return PREFIX + knob.name.upper()


def read(environment: Mapping[str, str]) -> Settings:
    """Settings from the variables in `environment`; an empty one counts as not set.

    Raises LipsyncError for a value that is not allowed and for a LIPSYNC_ variable that is no setting.
    """
    knobs = {variable(knob): knob for knob in fields(Settings)}
    values: dict[str, Any] = {}
    for name, text in environment.items():
        if not name.startswith(PREFIX) or not text.strip():
            continue
        if name not in knobs:
            close = get_close_matches(name, knobs, n=1) or sorted(knobs)
            raise LipsyncError("{name} is not a setting; use {close: or }.", name=name, close=tuple(close))
        knob = knobs[name]
        try:
            values[knob.name] = knob.metadata["parse"](text.strip())
        except (ValueError, OverflowError):
            shown = f"{name}={text!r}" if knob.repr else name  # a secret is not repeated
            raise LipsyncError(
                "{shown} is not allowed; use {allowed}.", shown=shown, allowed=knob.metadata["allowed"]
            ) from None
    return Settings(**values)


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read from the environment at the first call."""
    return read(os.environ)
