"""Draws the portraits and saves them: python -m tools.avatars --help"""

import argparse
from pathlib import Path

import cv2

from tools.avatars.people import PEOPLE
from tools.avatars.portrait import draw

AVATARS = Path(__file__).resolve().parents[2] / "assets" / "avatars"
SIZE = 1280  # pixels
QUALITY = 95  # of JPEG, with full colour resolution


def main() -> None:
    names = [person.name for person in PEOPLE]
    parser = argparse.ArgumentParser(prog="python -m tools.avatars", description="Draw the default avatars.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"who: {', '.join(names)} (all)")
    parser.add_argument("--size", type=int, default=SIZE, help="width and height in pixels (%(default)s)")
    parser.add_argument("--out", type=Path, default=AVATARS, help="folder for NAME.jpg (%(default)s)")
    choice = parser.parse_args()
    if unknown := set(choice.names) - set(names):
        parser.error(f"no such person: {', '.join(sorted(unknown))}; choose from {', '.join(names)}")
    if choice.size < 64 or choice.size > 4096:
        parser.error(f"--size {choice.size} is outside 64 to 4096 pixels")
    choice.out.mkdir(parents=True, exist_ok=True)
    for person in PEOPLE:
        if choice.names and person.name not in choice.names:
            continue
        path = choice.out / f"{person.name}.jpg"
        options = [
            cv2.IMWRITE_JPEG_QUALITY,
            QUALITY,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
        ]
        if not cv2.imwrite(str(path), cv2.cvtColor(draw(person, choice.size), cv2.COLOR_RGB2BGR), options):
            raise SystemExit(f"{path} could not be written; choose another folder with --out.")
        print(path)


if __name__ == "__main__":
    main()
