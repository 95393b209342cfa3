"""How fast the HTTP API answers: `python -m benchmarks.http_api`, a table in Markdown.

A server in a process of its own, on the loopback interface; medians over repeats, after one that is not counted.
"""

import argparse
import http.client
import json
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from urllib.parse import urlencode
from urllib.request import urlopen

SENTENCE = "The quick brown fox jumps over the lazy dog and then it runs away. "  # 14 words
SIZE = 512
VOICES = {"eSpeak": "espeak:en-us", "Piper": "piper:en_US-joe-medium"}
TARGETS_MS = {"eSpeak": 150, "Piper": 500}
PAINTED_SECONDS = 8
# How often the picture of an <img> has changed, looked at whenever the browser is about to paint.
PAINTED = """async ([address, seconds]) => {
  const image = new Image(), canvas = document.createElement("canvas"), look = canvas.getContext("2d");
  document.body.replaceChildren(image);
  canvas.width = canvas.height = 64;
  image.src = address;
  await image.decode();
  let before = "", count = 0, begin = 0, last = 0;
  await new Promise((over) => {
    const paint = (now) => {
      begin ||= now;
      look.drawImage(image, 0, 0, 64, 64);
      const shown = look.getImageData(0, 0, 64, 64).data.join();
      if (shown !== before && now > begin + 1000) { count += last ? 1 : 0; last ||= now; }
      before = shown;
      if (now < begin + 1000 * (seconds + 1)) requestAnimationFrame(paint); else over(last = [last, now]);
    };
    requestAnimationFrame(paint);
  });
  image.src = "data:,";
  return count * 1000 / (last[1] - last[0]);
}"""


def words(count: int) -> str:
    """A text of so many words."""
    return " ".join((SENTENCE * (count // 10 + 1)).split()[:count]) + "."


class Server:
    """`python -m lipsync_core serve` on a free port."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._process = subprocess.Popen(self.command())

    def command(self) -> list[str]:
        """What is run."""
        return [sys.executable, "-m", "lipsync_core", "serve", "--port", str(self.port)]

    def __enter__(self) -> "Server":
        for _ in range(300):
            try:
                with urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=1):
                    return self
            except OSError:
                time.sleep(0.1)
        raise TimeoutError("the server did not start")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)

    def post(self, path: str, **body: object) -> tuple[http.client.HTTPResponse, http.client.HTTPConnection, float]:
        """The response, its connection, and when the request was sent."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        sent = time.perf_counter()
        content = json.dumps({"size": SIZE, **body})
        connection.request("POST", path, content, {"Content-Type": "application/json"})
        response = connection.getresponse()
        if response.status != 200:
            raise RuntimeError(response.read().decode())
        return response, connection, sent


def first_jpeg(server: Server, text: str, voice: str) -> float:
    """Milliseconds from the request to the first complete picture and the boundary after it."""
    response, connection, sent = server.post("/api/stream_mjpeg", text=text, voice=voice)
    data = b""
    while data.count(b"--frame") < 2:
        data += response.read1(2**16)
    elapsed = time.perf_counter() - sent
    connection.close()
    return elapsed * 1000


def rate(server: Server, text: str, pace: bool) -> float:
    """Pictures a second."""
    response, connection, _ = server.post("/api/stream_mjpeg", text=text, voice=VOICES["eSpeak"], pace=pace)
    count, first, last = -1, 0.0, 0.0
    while data := response.read1(2**20):
        if found := data.count(b"Content-Type: image/jpeg"):
            last = time.perf_counter()
            first = first or last
            count += found
    connection.close()
    return count / (last - first)


def painted(server: Server, text: str) -> float:
    """Pictures a second that Chromium paints of an `<img>`, from its second second on."""
    from .chromium import opened

    with opened(f"{server.url}/healthz") as page:
        address = "/api/stream_mjpeg?" + urlencode({"text": text, "voice": VOICES["eSpeak"], "size": SIZE})
        return float(page.evaluate(PAINTED, [address, PAINTED_SECONDS]))


def fragmented(server: Server, text: str) -> tuple[float, float]:
    """Milliseconds to the first byte of the body, and to the last."""
    response, connection, sent = server.post("/api/generate?stream=true", text=text, voice=VOICES["eSpeak"])
    response.read(1)
    first = time.perf_counter() - sent
    response.read()
    last = time.perf_counter() - sent
    connection.close()
    return first * 1000, last * 1000


def stage(server: Server, name: str) -> float:
    """Milliseconds that a stage has taken so far, all jobs together, as /metrics tells."""
    with urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=5) as response:
        figures = response.read().decode()
    found = re.search(rf'^lipsync_stage_seconds_sum{{stage="{name}"}} (\S+)', figures, re.MULTILINE)
    return float(found[1]) * 1000 if found else 0.0


def repeated(times: int, measure: Callable[[], float]) -> tuple[float, str]:
    """Median, and the range in words."""
    measure()
    values = []
    for _ in range(times):
        values.append(measure())
        time.sleep(0.3)  # the take before it has ended
    return statistics.median(values), f"{min(values):.0f} to {max(values):.0f}"


def main() -> None:
    """Measure all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    times = parser.parse_args().repeats
    rows: list[tuple[str, str, str, str]] = []
    with Server() as server:
        for name, voice in VOICES.items():
            lengths: dict[int, list[float]] = {30: [], 3000: []}
            for _ in range(times + 1):  # in turns, so that a busy moment of the machine meets both
                for count, values in lengths.items():
                    values.append(first_jpeg(server, words(count), voice))
                    time.sleep(0.3)  # the take before it has ended
            medians = {}
            for count, values in lengths.items():
                medians[count] = statistics.median(values[1:])
                span, aim = f"{min(values[1:]):.0f} to {max(values[1:]):.0f}", f"{TARGETS_MS[name]} ms"
                rows.append((f"first JPEG, {name}, {count:,} words", f"{medians[count]:.0f} ms", span, aim))
            rows.append((f"3,000 words to 30, {name}", f"{medians[3000] / medians[30]:.2f}", "", "0.8 to 1.2"))
        median, span = repeated(2, lambda: rate(server, words(30), True))
        rows.append(("MJPEG at playback pace", f"{median:.1f} fps", span, "25 fps"))
        median, span = repeated(2, lambda: painted(server, words(60)))
        rows.append(("MJPEG painted by Chromium", f"{median:.1f} fps", span, "25 fps"))
        median, span = repeated(3, lambda: rate(server, words(60), False))
        rows.append(("MJPEG, pace=false", f"{median:.0f} fps", span, ""))
        text = words(40)
        fragmented(server, text)
        firsts, lasts = [], []
        for _ in range(times):
            first_frame, complete = stage(server, "first_frame"), stage(server, "file")
            first_byte, _ = fragmented(server, text)
            firsts.append(first_byte - (stage(server, "first_frame") - first_frame))
            lasts.append(stage(server, "file") - complete)
        for what, gaps, aim in (
            ("first byte after the first frame", firsts, "300 ms"),
            ("complete after the last", lasts, "100 ms"),
        ):
            span = f"{min(gaps):.0f} to {max(gaps):.0f}"
            rows.append((f"fragmented MP4, {what}", f"{statistics.median(gaps):.0f} ms", span, aim))
    print("| what | median | range | wanted |\n| --- | --- | --- | --- |")
    for row in rows:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
