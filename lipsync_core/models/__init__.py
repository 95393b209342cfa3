"""Lip-sync models: mel chunks and an Avatar to frames, by name."""

from lipsync_core.models.base import (
    Life,
    MelChunks,
    Model,
    clip_frame,
    make_model,
    model_facts,
    model_names,
    models,
    register,
)
from lipsync_core.models.info import ModelFacts
from lipsync_core.models.rig import model as _rig  # they register themselves
from lipsync_core.models.wav2lip import model as _wav2lip

__all__ = [
    "Life",
    "MelChunks",
    "Model",
    "ModelFacts",
    "clip_frame",
    "make_model",
    "model_facts",
    "model_names",
    "models",
    "register",
]
del _rig, _wav2lip
