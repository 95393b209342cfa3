"""How well rendered lips follow the real lips of people who said the same.

python benchmarks/sync_score.py --data ../shared/data/grid --avatar ../shared/data/portraits/synthetic_man.jpg

Each NAME.wav of the folder is rendered and given, with NAME.npz (the real mouth: see the scorer), to the scorer, which
tracks the lips in the rendered video. One JSON line a clip, the last line holds the means.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lipsync_core.core.studio import Studio
from lipsync_core.sinks.mp4 import Mp4Writer

Row = dict[str, str | float]

SHARED = Path(__file__).resolve().parents[2] / "shared"


def render(studio: Studio, sound: Path, avatar: Path, size: int, fps: float, out: Path) -> float:
    """Write the video; -> the seconds it took."""
    began = time.monotonic()
    with (
        studio.take(audio=sound, avatar=avatar, size=size, fps=fps) as take,
        Mp4Writer(out, take.size, float(take.fps), take.sample_rate) as writer,
    ):
        for frame in take:
            writer.write(frame)
    return time.monotonic() - began


def score(scorer: Path, video: Path, truth: Path) -> dict[str, float]:
    """What the scorer says of one video: r_open, r_width, lag_ms, closed, jitter, found."""
    done = subprocess.run([scorer, "score", video, truth], capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        raise SystemExit(f"{scorer} could not score {video} against {truth}: {(done.stderr or done.stdout).strip()}")
    return json.loads(lines[-1])


def scores(data: Path, avatar: Path, scorer: Path, size: int, fps: float, keep: Path) -> Iterator[Row]:
    """One row of figures a pair NAME.wav, NAME.npz."""
    studio = Studio()
    for sound in sorted(data.glob("*.wav")):
        truth = sound.with_suffix(".npz")
        if not truth.is_file():
            continue
        video = keep / f"{sound.stem}.mp4"
        seconds = render(studio, sound, avatar, size, fps, video)
        row: Row = {"clip": sound.stem}
        yield row | score(scorer, video, truth) | {"render_s": round(seconds, 2)}


def mean(rows: list[Row]) -> Row:
    """The mean of every number over the rows."""
    numbers = [name for name, value in rows[0].items() if not isinstance(value, str)]
    means: Row = {name: round(sum(float(row[name]) for row in rows) / len(rows), 3) for name in numbers}
    first: Row = {"clip": "mean", "clips": len(rows)}
    return first | means


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=SHARED / "data" / "grid", help="folder of NAME.wav with NAME.npz")
    parser.add_argument("--avatar", type=Path, default=SHARED / "data" / "portraits" / "synthetic_man.jpg")
    parser.add_argument("--scorer", type=Path, default=SHARED / "tools" / "score_sync.sh")
    parser.add_argument("--size", type=int, default=512, help="shorter side of the video in pixels")
    parser.add_argument("--fps", type=float, default=25.0)
    parser.add_argument("--keep", type=Path, help="folder in which the videos stay")
    given = parser.parse_args()
    for path in (given.data, given.avatar, given.scorer):
        if not path.exists():
            parser.error(f"{path} does not exist")
    with tempfile.TemporaryDirectory() as folder:
        keep = given.keep or Path(folder)
        keep.mkdir(parents=True, exist_ok=True)
        rows = []
        for row in scores(given.data, given.avatar, given.scorer, given.size, given.fps, keep):
            rows.append(row)
            print(json.dumps(row), flush=True)
    if not rows:
        parser.error(f"{given.data} holds no NAME.wav with its NAME.npz")
    print(json.dumps(mean(rows)))


if __name__ == "__main__":
    main()
