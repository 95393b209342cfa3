"""How well the page's live picture keeps up in Chromium: `python -m benchmarks.page`, a table in Markdown.

The page runs in a process of its own, the browser is the system's Chromium without a window. Times are those of the
browser: a picture is painted at the first animation frame after it has loaded; sound is heard when the audio clock says
that it leaves the context. CPU is that of the server's process, less that of the same takes made at playback pace with
nobody to show them to.
"""

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from .relay import Relay

TEXT = "The quick brown fox jumps over the lazy dog and then it runs away. "
TEXTS = 6  # sentences: about half a minute
SIZE = "512"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
TICKS = os.sysconf("SC_CLK_TCK")

# The same take at the same pace, without MP4 and page: what the model itself needs.
ALONE = """
import json, sys, time
from lipsync_core import Studio
text, size = json.loads(sys.argv[1])
studio = Studio()
studio.warm_up(voice="espeak:en-us")
with studio.take(text, voice="espeak:en-us", size=int(size), low_latency=True) as take:
    next(take)
    start, used, count = time.monotonic(), time.process_time(), 1
    for frame in take:
        time.sleep(max(0, start + frame.time - time.monotonic()))
        count += 1
    print((time.process_time() - used) / (time.monotonic() - start) * 100)
"""

# When, on the page's clock, the first sound is heard that is no silence; null until that is known.
HEARD = """() => {
  const player = lipsync.player, block = player?.blocks.find((one) => one.peak > 0.01);
  if (!block || player.zero === null) return null;
  const at = player.zero + (block.start + block.samples.findIndex((one) => Math.abs(one) > 0.01)) / 48000;
  const stamp = lipsync.context.getOutputTimestamp();
  return stamp.performanceTime + (at - stamp.contextTime) * 1000;
}"""


class Page:
    """`python app.py` on a free port, with a folder of its own for its files."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="page-bench-"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        variables = {"GRADIO_SERVER_PORT": str(self.port), "TMPDIR": str(self.folder)}
        command, quiet = [sys.executable, "app.py"], subprocess.DEVNULL
        self._process = subprocess.Popen(command, env={**os.environ, **variables}, stdout=quiet)

    def __enter__(self) -> "Page":
        for _ in range(300):
            try:
                with urlopen(f"{self.url}/healthz", timeout=1):  # noqa: S310
                    return self
            except OSError:
                time.sleep(0.1)
        raise TimeoutError("the page did not start")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)

    def cpu(self) -> float:
        """Seconds of processor time so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self, name: str) -> float:
        """MB, VmRSS or VmHWM."""
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024

    def files(self) -> int:
        """Files that were left by runs and pictures."""
        return sum(1 for file in self.folder.rglob("*") if file.is_file())


def choose(page: Any, name: str, words: str) -> None:
    """An entry of a menu."""
    page.click(f"#{name} input")
    page.keyboard.type(words)
    page.get_by_role("option", name=words, exact=True).click()


def run(page: Any, server: Page) -> dict[str, Any]:
    """One take, watched to its end."""
    page.evaluate("() => { lipsync.log = []; }")
    files = server.files()
    pressed = page.evaluate("performance.now()")
    page.click("#speak")
    heard = page.wait_for_function(HEARD).json_value() - pressed
    page.wait_for_function("() => lipsync.log.length > 5")
    used, start = server.cpu(), time.monotonic()
    page.wait_for_function("() => document.querySelector('#video video')?.readyState >= 1", timeout=120000, polling=20)
    gone = page.evaluate("performance.now() - lipsync.log.at(-1).now")
    cpu = (server.cpu() - used) / (time.monotonic() - start - gone / 1000) * 100
    log = page.evaluate("lipsync.log")
    begin = min(range(len(log)), key=lambda k: log[k]["moment"])  # the last picture of the run before may come first
    log = [one for one in log[begin:] if one["moment"] >= 0]
    seconds = (log[-1]["now"] - log[0]["now"]) / 1000
    apart = sorted(one["apart"] for one in log if one["moment"] > 1000 and one.get("apart") is not None)
    return {
        "painted": (len(log) - 1) / seconds,
        "apart": statistics.median(apart),
        "worst": max(abs(apart[len(apart) // 20]), abs(apart[-len(apart) // 20])),
        "paint": statistics.median(one["delay"] for one in log),
        "first": float(page.inner_text("[data-figure=figure_first]").split()[0]),
        "heard": heard,
        "skipped": int(page.inner_text("[data-figure=figure_skipped]")),
        "file": gone,
        "cpu": cpu,
        "left": server.files() - files,
    }


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--latency", type=float, default=0, help="ms that the network takes in either direction")
    options = parser.parse_args()
    times = options.repeats
    from playwright.sync_api import sync_playwright

    text = TEXT * TEXTS
    command = [sys.executable, "-c", ALONE, json.dumps([text, SIZE])]
    alone = [float(subprocess.check_output(command)) for _ in range(min(times, 3))]
    with Page() as server, Relay(server.port, options.latency / 1000) as relay, sync_playwright() as playwright:
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 1000}, locale="en-US")
        page.goto(f"http://127.0.0.1:{relay.port}" if options.latency else server.url)
        page.wait_for_selector("body.arrived")
        page.click("#more > button")
        choose(page, "size", SIZE)
        choose(page, "voice", "English (America)")
        page.fill("#text textarea", TEXT)
        run(page, server)
        page.fill("#text textarea", text)
        runs = [run(page, server) for _ in range(times)]
        browser.close()
        memory = server.memory("VmHWM")

    def row(what: str, key: str, unit: str, aim: str, digits: int = 0) -> None:
        values = sorted(one[key] for one in runs)
        span = f"{values[0]:.{digits}f} to {values[-1]:.{digits}f}"
        print(f"| {what} | {statistics.median(values):.{digits}f}{unit} | {span} | {aim} |")

    print("| what | median | range | goal |\n| --- | --- | --- | --- |")
    row("pictures painted, a second", "painted", "", "24 of 25", 1)
    row("picture after sound, median of a run", "apart", " ms", "within 80 ms")
    row("the same, either way, 19 of 20 pictures", "worst", " ms", "within 80 ms")
    row("from the server's yield to the paint, median", "paint", " ms", "60 ms")
    row("press of the button to the first frame, on the server", "first", " ms", "")
    row("press of the button to the first sound heard", "heard", " ms", "")
    row("last picture to the video in the page", "file", " ms", "1000 ms")
    row("frames left out", "skipped", "", "0")
    row("files left by a run: the video", "left", "", "1")
    rest = statistics.median(one["cpu"] for one in runs) - statistics.median(alone)
    whole = statistics.median(one["cpu"] for one in runs)
    print(f"| preview and MP4, of one core, without the take itself | {rest:.0f} % | of {whole:.0f} % in all | 50 % |")
    print(f"| memory of the process, at most | {memory:.0f} MB | | 4096 MB |")


if __name__ == "__main__":
    main()
