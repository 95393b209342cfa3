"""Lip-sync models: mel chunks and an Avatar to frames, by name."""

from .facts import ModelFacts
from .model import Life, MelChunks, Model, clip_frame, make_model, model_facts, model_names, models, register
from .rig import model as _rig  # they register themselves
from .wav2lip import model as _wav2lip

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
