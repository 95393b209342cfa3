"""A network of an ONNX file that runs on the CPU beside everything else, and can be stopped."""

import os
from typing import Any

import numpy as np

from lipsync_core.cancel import CancelToken
from lipsync_core.settings import settings

MOST_THREADS = 4  # beyond two, each adds less: the frames need the others


class OnnxSession:
    """Any thread may call it. Raises what onnxruntime raises for bytes that are no graph it can run."""

    def __init__(self, data: bytes) -> None:
        import onnxruntime  # here, for whoever leaves this package out

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = settings().threads or min(MOST_THREADS, _processors())
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # A thread that waits by spinning takes the processor from whoever draws the frames meanwhile.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        self._run_options = onnxruntime.RunOptions
        self.inputs: set[str] = {item.name for item in self._session.get_inputs()}

    def run(self, outputs: list[str], feeds: dict[str, Any], cancel: CancelToken) -> list[np.ndarray]:
        """The named outputs. `cancel` ends it between two nodes, with OperationCancelled."""
        options = self._run_options()
        with cancel.interrupting(lambda: setattr(options, "terminate", True)):
            found: list[np.ndarray] = self._session.run(outputs, feeds, options)
        return found


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
