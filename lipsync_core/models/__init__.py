"""Lip-sync models: mel chunks and an Avatar to frames, by name."""

from .model import Life, MelChunks, Model, clip_frame, make_model, model_names, register
from .rig import model as _rig  # they register themselves
from .wav2lip import model as _wav2lip

__all__ = ["Life", "MelChunks", "Model", "clip_frame", "make_model", "model_names", "register"]
del _rig, _wav2lip
