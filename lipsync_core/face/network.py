"""The two published networks that find and measure faces, run by OpenCV; their weights lie beside, in `weights`."""

from collections.abc import Sequence
from importlib.resources import as_file, files
from threading import Lock
from typing import Any

import numpy as np


class Network:
    """One .tflite file. It is read at the first forward pass; threads take turns, as cv2.dnn keeps state in a net.

    forwards: passes run so far by this process, so that anybody can see whether a face was prepared or remembered.
    """

    def __init__(self, name: str, outputs: Sequence[str]):
        self.name = name
        self.forwards = 0
        self._outputs = list(outputs)
        self._net: Any = None
        self._lock = Lock()

    def forward(self, picture: np.ndarray) -> list[np.ndarray]:
        """Outputs, in the order asked for, for one (n, n, 3) float32 RGB picture in the network's own value range."""
        import cv2  # costs 0.1 s, and a remembered face needs no network

        blob = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], dtype=np.float32)
        with self._lock:
            if self._net is None:
                with as_file(files("lipsync_core.face") / "weights" / f"{self.name}.tflite") as weights:
                    # OpenCV 5's new engine does not read .tflite files; from memory, it forgets all outputs but one.
                    self._net = cv2.dnn.readNetFromTFLite(str(weights), cv2.dnn.ENGINE_CLASSIC)
            self.forwards += 1
            self._net.setInput(blob)
            return [np.array(output) for output in self._net.forward(self._outputs)]


# Bazarevsky et al. 2019, "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs"; 128 x 128, -1..1.
blaze_face = Network("face_detection_short_range", ("regressors", "classificators"))
# Kartynnik et al. 2019, "Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs"; 192 x 192, 0..1.
face_mesh = Network("face_landmark", ("conv2d_21", "conv2d_31"))
