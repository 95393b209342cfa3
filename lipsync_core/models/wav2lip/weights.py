"""How a file of the network's weights is read: as data, never as code."""

from pathlib import Path
from typing import Any

import torch

from lipsync_core.errors import LipsyncError, Message, Reason
from lipsync_core.models.wav2lip.architecture import Generator

PREFIX = "module."  # of all names in a file that was saved by DataParallel


def load(path: Path) -> Generator:
    """The network in evaluation mode, float32 on the CPU.

    path: a .safetensors file of the state dict, or a torch file of it, bare or as the entry "state_dict" beside the
    optimizer's, with or without `module.` before its names. Raises LipsyncError for anything else.
    """
    found = _read(path)
    found = found.get("state_dict", found)
    if not isinstance(found, dict) or not all(isinstance(value, torch.Tensor) for value in found.values()):
        raise LipsyncError("{path} holds no weights by name; {wanted}.", path=path, wanted=_WANTED)
    weights = {str(name).removeprefix(PREFIX): value for name, value in found.items()}
    with torch.device("meta"):  # shapes only: the file brings the numbers
        net = Generator()
    wanted = net.state_dict()
    _compare(path, weights, wanted)
    for name, value in weights.items():
        if value.is_complex() or not torch.isfinite(value).all():
            raise LipsyncError(
                "{path} holds weights that are not finite real numbers ({name}); {wanted}.",
                path=path,
                name=name,
                wanted=_WANTED,
            )
    net.load_state_dict({name: weights[name].to(wanted[name].dtype) for name in wanted}, assign=True)
    return net.eval().requires_grad_(False)


_WANTED = Message("give the file of an official Wav2Lip generator, such as wav2lip_gan.pth")


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.suffix == ".safetensors":
            from safetensors import SafetensorError
            from safetensors.torch import load_file

            try:
                return load_file(path)
            except SafetensorError as error:
                raise ValueError(str(error)) from error
        try:
            read = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        except RuntimeError:  # not a zip archive: the format of torch before 1.6, which cannot be mapped
            read = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(read, dict):
            raise ValueError("no dictionary")
        return read
    except OSError as error:
        raise LipsyncError(
            "{path} cannot be read ({reason}); check the name.", path=path, reason=Reason(error)
        ) from error
    except Exception as error:  # a damaged file makes torch raise anything
        raise LipsyncError("{path} is damaged or no file of weights; {wanted}.", path=path, wanted=_WANTED) from error


def _compare(path: Path, weights: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> None:
    missing, foreign = wanted.keys() - weights.keys(), weights.keys() - wanted.keys()
    if missing or foreign:
        example = (
            Message("{name} is missing", name=min(missing))
            if missing
            else Message("{name} is not a part of it", name=min(foreign))
        )
        raise LipsyncError(
            "{path} holds another network than Wav2Lip ({example}); {wanted}.",
            path=path,
            example=example,
            wanted=_WANTED,
        )
    for name, value in weights.items():
        if value.shape != wanted[name].shape:
            found, right = str(tuple(value.shape)), str(tuple(wanted[name].shape))
            shapes = Message("{name} is {found}, not {right}", name=name, found=found, right=right)
            raise LipsyncError(
                "{path} holds another network than Wav2Lip ({example}); {wanted}.",
                path=path,
                example=shapes,
                wanted=_WANTED,
            )
