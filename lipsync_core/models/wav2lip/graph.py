"""A CUDA graph of the decoder: its hundred small operations are started as one."""

import torch

from lipsync_core.models.wav2lip.decoder import Decoder, FaceFeatures
from lipsync_core.models.wav2lip.window import Window

WARM_UP = 3  # runs before the recording, as CUDA's libraries choose their ways in the first


class Graph:
    """The drawing of a group of one size, for one face. Where it cannot be recorded, the operations are run singly."""

    def __init__(self, decoder: Decoder, said: torch.Tensor, face: FaceFeatures, wanted: Window) -> None:
        self._decoder, self._face, self._wanted = decoder, face, wanted
        self._input = said.clone()
        self._graph: torch.cuda.CUDAGraph | None = None
        try:
            aside = torch.cuda.Stream(decoder.device)
            aside.wait_stream(torch.cuda.current_stream(decoder.device))
            with torch.cuda.stream(aside):
                for _ in range(WARM_UP):
                    decoder.draw(self._input, face, wanted)
            torch.cuda.current_stream(decoder.device).wait_stream(aside)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                self._output = decoder.draw(self._input, face, wanted)
            self._graph = graph
        except torch.OutOfMemoryError:
            raise
        except RuntimeError:  # a driver or a library that cannot: slower, and the same picture
            self._graph = None

    def fits(self, said: torch.Tensor, face: FaceFeatures, wanted: Window) -> bool:
        """Whether it was recorded for these."""
        return face is self._face and wanted == self._wanted and said.shape == self._input.shape

    def __call__(self, said: torch.Tensor) -> torch.Tensor:
        """As Decoder.draw."""
        if self._graph is None:
            return self._decoder.draw(said, self._face, self._wanted)
        self._input.copy_(said)
        self._graph.replay()
        return self._output.clone()
