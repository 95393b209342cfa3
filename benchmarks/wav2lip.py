"""How fast wav2lip is: `python -m benchmarks.wav2lip` from the folder of the program.

Against a plain loop over the same network, as the official script has it: float32, batches of 128, every face resized,
masked and encoded anew, every mouth resized and pasted in NumPy. Both make an MP4 of the same photo and speech with the
same writer and the same weights, in turns; random weights by default, for the numbers in them do not matter here.

--engines compares ways to run the network itself. --device cuda measures frames a second by group size instead.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import soxr
import torch

from benchmarks.random_weights import random_weights
from lipsync_core.audio.mel import RATE, mel_spectrogram
from lipsync_core.audio.normalization import LevelMeter
from lipsync_core.bench.process import machine
from lipsync_core.bench.speed import spoken
from lipsync_core.core.studio import Studio
from lipsync_core.face import Avatar
from lipsync_core.frame import Frame
from lipsync_core.models import Life, MelChunks
from lipsync_core.models.wav2lip.decoder import Decoder, Window
from lipsync_core.models.wav2lip.faces import find_box
from lipsync_core.models.wav2lip.mel import HEARD, official_starts
from lipsync_core.models.wav2lip.model import Wav2LipModel
from lipsync_core.models.wav2lip.network import COLUMNS, SIDE, Generator, load
from lipsync_core.settings import settings
from lipsync_core.sinks.mp4 import Mp4Writer

BATCH = 128  # of the official script
FPS = 25
VOICE = "espeak:en-us"


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def use(**values: str) -> None:
    """Change settings of this process."""
    os.environ.update({f"LIPSYNC_{name.upper()}": value for name, value in values.items()})
    settings.cache_clear()


def plain_loop(net: Generator, avatar: Avatar, sound: tuple[np.ndarray, int], target: Path) -> int:
    """What the official script does, but for its face detector, which is left out; -> frames."""
    torch.set_num_threads(cores())
    image = avatar.frames[0]
    box = find_box(avatar.landmarks[0], avatar.size, (0, 10, 0, 0))
    samples, rate = sound
    mel = mel_spectrogram(soxr.resample(samples, rate, RATE))
    chunks = [mel[:, start : start + COLUMNS] for start in official_starts(mel.shape[1], FPS)]
    length = rate // FPS
    with Mp4Writer(target, avatar.size, FPS, rate) as file:
        for first in range(0, len(chunks), BATCH):
            mels = np.asarray(chunks[first : first + BATCH])[:, None]
            frames = [image.copy() for _ in mels]
            faces = np.asarray([cv2.resize(frame[box.part], (SIDE, SIDE)) for frame in frames])[..., ::-1]
            masked = faces.copy()
            masked[:, SIDE // 2 :] = 0
            seen = np.concatenate((masked, faces), axis=3) / 255.0
            with torch.no_grad():
                drawn = net(torch.FloatTensor(mels), torch.FloatTensor(np.transpose(seen, (0, 3, 1, 2))))
            mouths = drawn.numpy().transpose(0, 2, 3, 1) * 255.0
            for n, (frame, mouth) in enumerate(zip(frames, mouths, strict=True), first):
                frame[box.part] = cv2.resize(mouth.astype(np.uint8), box.size[::-1])[..., ::-1]
                part = samples[n * length : (n + 1) * length]
                file.write(Frame(frame, n, n / FPS, np.pad(part, (0, length - len(part))), rate))
    return file.frames


def product(studio: Studio, avatar: Avatar, sound: tuple[np.ndarray, int], target: Path) -> int:
    """The same by this program; -> frames."""
    with (
        studio.take(audio=sound, avatar=avatar, model="wav2lip", fps=FPS) as take,
        Mp4Writer(target, take.size, take.fps, take.sample_rate) as file,
    ):
        for frame in take:
            file.write(frame)
    return file.frames


def compare(file: Path, seconds: float, rounds: int, size: int) -> None:
    """Print the table of the plain loop and this program."""
    use(wav2lip_weights=str(file), device="cpu")
    avatar = Studio().avatar("amara", size=size)
    sound = spoken(VOICE, seconds)
    net = load(file)
    ways: dict[str, Callable[[Path], int]] = {"plain loop, float32": lambda out: plain_loop(net, avatar, sound, out)}
    for precision in ("float32", "bfloat16"):
        use(wav2lip_precision=precision)
        studio = Studio()
        studio.model("wav2lip")
        ways[f"wav2lip, {precision}"] = lambda out, studio=studio: product(studio, avatar, sound, out)  # type: ignore[misc]
    times: dict[str, list[tuple[float, float, int]]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(rounds + 1):
            for name, way in ways.items():
                began, used = time.perf_counter(), time.process_time()
                frames = way(Path(folder) / "out.mp4")
                if turn:  # the first is to warm up
                    times[name].append((time.perf_counter() - began, time.process_time() - used, frames))
    print(f"{size} x {size}, {seconds:g} s of speech at {FPS} frames a second, sound to MP4, median of {rounds}:\n")
    print("| way | frames a second | CPU time a frame | times as fast | in CPU time |\n| --- | --- | --- | --- | --- |")
    base = None
    for name, found in times.items():
        wall = statistics.median(seconds / frames for seconds, _, frames in found)
        cpu = statistics.median(used / frames for _, used, frames in found)
        base = base or (wall, cpu)
        print(f"| {name} | {1 / wall:.1f} | {1000 * cpu:.0f} ms | {base[0] / wall:.2f} | {base[1] / cpu:.2f} |")


def best(work: Callable[[], object], rounds: int) -> float:
    """Seconds of the quickest of some runs, after two to warm up."""
    return min(_timed(work, rounds, time.perf_counter))


def _timed(work: Callable[[], object], rounds: int, clock: Callable[[], float]) -> list[float]:
    times = []
    for _ in range(rounds + 2):
        began = clock()
        work()
        times.append(clock() - began)
    return times[2:]


@torch.inference_mode()
def engines(file: Path, rounds: int) -> None:
    """Print milliseconds a frame of the network alone, run in several ways: CPU time of one core, so that other work
    beside it counts little.
    """
    torch.set_num_threads(1)
    net = load(file)
    exact, half = Decoder(net), Decoder(net, dtype=torch.bfloat16)
    whole, shown = Window(0, 96, 0, 96), Window(46, 96, 0, 96)
    last = load(file).to(memory_format=torch.channels_last)
    print("| way | batch 1 | batch 8 |\n| --- | --- | --- |")
    inputs = {n: (torch.rand(n, 1, 80, COLUMNS), torch.rand(n, 6, SIDE, SIDE)) for n in (1, 8)}
    features = {
        (decoder, window): decoder.encode(inputs[1][1], window)
        for decoder in (exact, half) for window in (whole, shown)
    }  # fmt: skip

    def drawn(decoder: Decoder, window: Window) -> Callable[[int], object]:
        return lambda n: decoder.draw(decoder.listen(inputs[n][0][:, 0]), features[decoder, window], window)

    ways: dict[str, Callable[[], Callable[[int], object]]] = {
        "torch, as the official script": lambda: lambda n: net(*inputs[n]),
        "torch, channels last": lambda: (
            lambda n: last(inputs[n][0], inputs[n][1].contiguous(memory_format=torch.channels_last))
        ),
        "torch.jit.freeze": lambda: _frozen(net, inputs),
        "torch.compile": lambda: _compiled(net, inputs),
        "ONNX Runtime": lambda: _onnx(net, inputs),
        "face done before": lambda: drawn(exact, whole),
        "face done before, only what is shown": lambda: drawn(exact, shown),
        "the same in bfloat16": lambda: drawn(half, shown),
    }
    for name, make in ways.items():
        try:
            way = make()
            one, eight = (
                min(_timed(lambda way=way, n=n: way(n), rounds, time.process_time)) / n * 1000
                for n in inputs  # type: ignore[misc]
            )
            print(f"| {name} | {one:.0f} ms | {eight:.0f} ms |", flush=True)
        except Exception as error:  # a package or a compiler that is not there
            print(f"| {name} | not here ({type(error).__name__}) | |", flush=True)


Inputs = dict[int, tuple[torch.Tensor, torch.Tensor]]


def _frozen(net: Generator, inputs: Inputs) -> Callable[[int], object]:
    traced = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(net, inputs[1])))
    return lambda n: traced(*inputs[n])


def _compiled(net: Generator, inputs: Inputs) -> Callable[[int], object]:
    compiled = torch.compile(net, dynamic=False)
    return lambda n: compiled(*inputs[n])


def _onnx(net: Generator, inputs: Inputs) -> Callable[[int], object]:
    """Needs the package onnx to write the network in its format."""
    import io

    import onnxruntime

    content = io.BytesIO()
    names = ["mel", "face"]
    torch.onnx.export(
        net, inputs[1], content, input_names=names, dynamic_axes={name: {0: "n"} for name in names}, dynamo=False
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content.getvalue(), options, providers=["CPUExecutionProvider"])
    return lambda n: session.run(None, dict(zip(names, (part.numpy() for part in inputs[n]), strict=True)))


def on_gpu(file: Path, seconds: float, size: int) -> None:
    """Print frames a second by group size, of the network and of whole frames, and of the plain loop's network."""
    use(wav2lip_weights=str(file), device="cuda")
    print(f"{torch.cuda.get_device_name()}, {size} x {size}\n")
    net = load(file).to("cuda")
    count = round(seconds * FPS)
    mel, face = torch.rand(BATCH, 1, 80, COLUMNS), torch.rand(BATCH, 6, SIDE, SIDE)
    with torch.inference_mode():
        plain = best(lambda: net(mel.cuda(), face.cuda()).cpu(), 5) / BATCH
    print(f"The network as the official script runs it, batches of {BATCH}: {1 / plain:.0f} frames a second\n")
    print("| precision | group | network | whole frames |\n| --- | --- | --- | --- |")
    avatar = Studio().avatar("amara", size=size)
    level = LevelMeter().update(np.zeros((80, 100), np.float32))
    chunks = MelChunks(np.random.default_rng(0).random((count, 80, HEARD), np.float32), level, np.zeros((count, 2)))
    for precision in ("float32", "bfloat16", "float16"):
        use(wav2lip_precision=precision)
        for group in (1, 2, 4, 8, 16, 32, 64):
            model = Wav2LipModel(group)
            state = model.prepare(avatar)
            found = state.faces[0]
            assert found is not None
            said = model._decoder.listen(torch.rand(group, 80, COLUMNS))
            features = [found.features] * group
            network = best(lambda: list(state.groups.draw(said, features, state.faces.wanted)), 5) / group  # noqa: B023
            frames = best(lambda: sum(1 for _ in model.render(state, chunks, np.arange(count), FPS, Life())), 2) / count  # noqa: B023
            print(f"| {precision} | {group} | {1 / network:.0f} | {1 / frames:.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, help="an official file; default random ones")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--engines", action="store_true")
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=512)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = given.weights or Path(folder) / "random.pth"
        if given.weights is None:
            torch.save(random_weights(), file)
        here = machine()
        print(f"{here['processor']}, {here['cores']} cores, torch {torch.__version__}")
        if given.device == "cuda":
            on_gpu(file, given.seconds, given.size)
        elif given.engines:
            engines(file, given.rounds)
        else:
            compare(file, given.seconds, given.rounds, given.size)


if __name__ == "__main__":
    main()
