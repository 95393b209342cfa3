"""What Chromium gets by WebRTC: `python -m benchmarks.webrtc`, a table in Markdown.

A server in a process of its own, on the loopback interface; medians over repeats, after one that is not counted. For
lips and sound, a server whose pictures turn white and whose sound beeps in the same frames once a second; the page
measures when a picture is shown (requestVideoFrameCallback) and when the beep leaves the audio track (AnalyserNode).
"""

import argparse
import statistics
import sys
from typing import Any

from playwright.sync_api import Page

from .chromium import opened
from .http_api import SIZE, Server, words

BEEP_FRAMES = 5  # of each second
SOUND_AFTER = 1.0  # seconds of the stream, before which nothing is compared

CONNECT = """
const { connect } = await import("/api/realtime/client.js");
const video = document.createElement("video");
document.body.replaceChildren(video);
const begin = performance.now(), events = [];
let first = 0, heard = [];
const face = await connect(video, { ...options, onevent: (event) => events.push(event) });
video.play();
const listen = (hear) => {
  const context = new AudioContext(), ear = context.createAnalyser(), data = new Float32Array(1024);
  ear.fftSize = data.length;
  context.createMediaStreamSource(video.srcObject).connect(ear);
  return setInterval(() => {
    ear.getFloatTimeDomainData(data);
    hear(data, performance.now(), 1000 / context.sampleRate);
  }, 8);
};
const wait = (seconds) => new Promise((go) => setTimeout(go, 1000 * seconds));
"""

# Milliseconds from before the offer to the first picture, and the pictures a second from the second second on.
ARRIVAL = f"""async ([options, seconds]) => {{ {CONNECT}
  const shown = [];
  const paint = (now, about) => {{ shown.push([now, about.presentedFrames]); video.requestVideoFrameCallback(paint); }};
  video.requestVideoFrameCallback(paint);
  await wait(seconds);
  await face.close();
  const [later] = shown.filter(([when]) => when > shown[0][0] + 1000), last = shown.at(-1);
  return [shown[0][0] - begin, later ? (last[1] - later[1]) * 1000 / (last[0] - later[0]) : 0];
}}"""

# When pictures turned white and when beeps began, in milliseconds.
CLAPS = f"""async ([options, seconds]) => {{ {CONNECT}
  const flashes = [], beeps = [], canvas = document.createElement("canvas"), look = canvas.getContext("2d");
  canvas.width = canvas.height = 8;
  let white = true, loud = true, quiet = 0;
  const paint = (now, about) => {{
    first ||= about.expectedDisplayTime;
    look.drawImage(video, 0, 0, 8, 8);
    const is = look.getImageData(4, 4, 1, 1).data[0] > 128;
    if (is && !white) flashes.push(about.expectedDisplayTime);
    white = is;
    video.requestVideoFrameCallback(paint);
  }};
  video.requestVideoFrameCallback(paint);
  listen((data, now, step) => {{
    const at = data.findIndex((sample) => Math.abs(sample) > 0.02);
    if (at > 0 && now - quiet > 300) beeps.push(now - (data.length - at) * step);
    if (at >= 0) quiet = now;
  }});
  await wait(seconds);
  await face.close();
  return [first, flashes, beeps];
}}"""

# Milliseconds from asking for an interruption to the last sound.
INTERRUPT = f"""async ([options, seconds]) => {{ {CONNECT}
  let last = 0;
  listen((data, now, step) => {{
    const at = data.findLastIndex((sample) => Math.abs(sample) > 0.01);
    if (at >= 0) last = now - (data.length - 1 - at) * step;
  }});
  while (!events.some((told) => told.event === "word")) await wait(0.02);
  await wait(seconds);
  const asked = performance.now();
  await face.interrupt();
  await wait(1);
  await face.close();
  return last - asked;
}}"""


def serve_claps(port: int) -> None:
    """The server for lips and sound: all as it is, but for what the frames show and sound like."""
    from dataclasses import replace

    import numpy as np
    import uvicorn

    from lipsync_core import Frame, LiveSession, Studio
    from lipsync_core.server import make_api

    take = LiveSession.__next__
    white = np.full((SIZE, SIZE, 3), 230, np.uint8)

    def clap(session: LiveSession) -> Frame:
        frame = take(session)
        on = frame.index % 25 < BEEP_FRAMES
        tone = 0.25 * np.sin(np.arange(len(frame.audio)) * 0.13)  # 1 kHz
        image = white if on else frame.image // 8 + 16
        return replace(frame, image=image.copy(), audio=(tone * on).astype(np.float32))

    LiveSession.__next__ = clap  # type: ignore[method-assign]
    studio = Studio()
    studio.warm_up()
    uvicorn.run(make_api(studio), host="127.0.0.1", port=port, log_level="warning")


class ClapServer(Server):
    """`serve_claps` in a process of its own."""

    def command(self) -> list[str]:
        return [sys.executable, "-m", "benchmarks.webrtc", "--claps", str(self.port)]


def gaps(first: float, flashes: list[float], beeps: list[float]) -> list[float]:
    """Milliseconds by which each sound comes after its picture, after the first second."""
    found = []
    for flash in flashes:
        near = min(beeps, key=lambda beep: abs(beep - flash), default=None)
        if near is not None and abs(near - flash) < 400 and flash > first + 1000 * SOUND_AFTER:
            found.append(near - flash)
    return found


def span(values: list[float]) -> str:
    """The range in words."""
    return f"{min(values):.0f} to {max(values):.0f}"


def main() -> None:
    """Measure all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--claps", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.claps:
        serve_claps(options.claps)
        return
    rows: list[tuple[str, str, str, str]] = []
    order = {"size": SIZE, "voice": "espeak:en-us", "text": words(60)}

    def repeated(page: Page, script: str, seconds: float, times: int) -> list[Any]:
        page.evaluate(script, [order, min(seconds, 2)])
        return [page.evaluate(script, [order, seconds]) for _ in range(times)]

    with Server() as server, opened(f"{server.url}/healthz") as page:
        firsts = [first for first, _ in repeated(page, ARRIVAL, 1, options.repeats)]
        rows.append(("offer to the first picture", f"{statistics.median(firsts):.0f} ms", span(firsts), "400 ms"))
        rates = [rate for _, rate in repeated(page, ARRIVAL, 10, 3)]
        rows.append(("pictures shown", f"{statistics.median(rates):.1f} fps", span(rates), "25 fps"))
        stops = repeated(page, INTERRUPT, 1, options.repeats)
        rows.append(("interruption to silence", f"{statistics.median(stops):.0f} ms", span(stops), "200 ms"))
    with ClapServer() as server, opened(f"{server.url}/healthz") as page:
        delays: list[float] = []
        for first, flashes, beeps in repeated(page, CLAPS, 8, 3):
            delays += gaps(first, flashes, beeps)
        rows.append(("sound after its picture", f"{statistics.median(delays):.0f} ms", span(delays), "within 40 ms"))
    print("| what | median | range | wanted |\n| --- | --- | --- | --- |")
    for row in rows:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
