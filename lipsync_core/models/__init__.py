"""Lip-sync models: mel chunks and an Avatar to frames, by name. Each folder here is one, which registers itself."""

from importlib import import_module
from pkgutil import iter_modules

from lipsync_core.models.base import (
    Life,
    MelChunks,
    Model,
    clip_frame,
    make_model,
    model_info,
    model_names,
    models,
    register,
)
from lipsync_core.models.info import ModelInfo

__all__ = [
    "Life",
    "MelChunks",
    "Model",
    "ModelInfo",
    "clip_frame",
    "make_model",
    "model_info",
    "model_names",
    "models",
    "register",
]

for _found in iter_modules(__path__):
    if _found.ispkg:
        import_module(f"{__name__}.{_found.name}.model")
