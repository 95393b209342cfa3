"""The loaded Kokoro network: symbols and a style to sound, with the time of each symbol.

The ONNX export of Kokoro 82M v1.0, a StyleTTS 2 (https://arxiv.org/abs/2306.07691), takes symbols and gives sound; here
the durations that it settles in between become an output as well.
"""

from pathlib import Path

import numpy as np

from lipsync_core.cancel import CancelToken
from lipsync_core.errors import LipsyncError, Reason
from lipsync_core.speech.engines.kokoro.phonemizer import Symbol
from lipsync_core.speech.engines.onnx_session import OnnxSession

RATE = 24000  # Hz
FRAME = 600  # samples; durations are counted in it
MOST = 508  # symbols at once, without the padding at both ends
STYLES, WIDTH = 510, 256  # a voice has a style for each number of symbols
EARLY = 2.5 * FRAME / RATE  # seconds; measured at s and ʃ: the sound comes this much before its place in the durations
DURATIONS = "/encoder/Clip_output_0"
PAD = 0


class KokoroModel:
    """Any thread may call it. Raises LipsyncError for a file that is not this network."""

    def __init__(self, path: Path) -> None:
        try:
            self._session = OnnxSession(path.read_bytes() + _durations_output())
        except Exception as error:  # onnxruntime alone raises a dozen kinds, without a common parent
            raise LipsyncError(
                "{path} is not the Kokoro network ({reason}); get it again.", path=path, reason=Reason(error)
            ) from error

    def speak(
        self, read: list[Symbol], style: np.ndarray, speed: float, cancel: CancelToken
    ) -> tuple[np.ndarray, np.ndarray]:
        """Up to MOST symbols. style: (STYLES, 1, WIDTH) float32.

        Returns (n,) float32 at RATE, and the time in seconds at which each symbol starts and the last one ends,
        (symbols + 1,).
        """
        numbers = [number for symbol in read for number in symbol.numbers]
        feeds = {
            "tokens": np.array([[PAD, *numbers, PAD]], np.int64),
            "style": style[min(len(numbers), STYLES) - 1],
            "speed": np.array([speed], np.float32),
        }
        sound, durations = self._session.run(["audio", DURATIONS], feeds, cancel)
        ends = np.cumsum(durations.ravel())[np.cumsum([0, *(len(symbol.numbers) for symbol in read)])]
        return sound.ravel(), np.maximum(0, ends * FRAME / RATE - EARLY)


def _durations_output() -> bytes:
    """What makes the durations an output; messages of protobuf, of which an ONNX file is one, merge when joined."""
    import onnx  # here, because it takes a tenth of a second, and for whoever leaves this package out

    output = onnx.helper.make_tensor_value_info(DURATIONS, onnx.TensorProto.FLOAT, [None, None])
    message: bytes = onnx.ModelProto(graph=onnx.GraphProto(output=[output])).SerializeToString()
    return message


def read_style(path: Path) -> np.ndarray:
    """The styles of a voice, (STYLES, 1, WIDTH) float32. Raises LipsyncError for a file that holds none."""
    try:
        return np.fromfile(path, "<f4").reshape(STYLES, 1, WIDTH)
    except (OSError, ValueError) as error:
        raise LipsyncError(
            "{path} is no voice of Kokoro ({reason}); get it again.", path=path, reason=Reason(error)
        ) from error
