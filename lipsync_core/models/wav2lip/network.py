"""The published network, its weights, and convolutions with their normalisation folded in."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import nn

from lipsync_core.errors import LipsyncError, Message, Reason

SIDE = 96  # pixels of the face that the network sees and draws
COLUMNS = 16  # of a mel chunk, 0.2 s

Stride = int | tuple[int, int]


class Conv(nn.Module):
    """Convolution, batch norm, with `residual` the input once more, ReLU."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: Stride = 1, padding: int = 0, *, residual: bool = False
    ) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.Conv2d(inputs, outputs, kernel, stride, padding), nn.BatchNorm2d(outputs)
        )  # fmt: skip
        self.residual = residual

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv_block(x)
        return F.relu(y + x if self.residual else y)


class Up(nn.Module):
    """Transposed convolution, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 2, padding: int = 1) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ConvTranspose2d(inputs, outputs, 3, stride, padding, output_padding=stride - 1), nn.BatchNorm2d(outputs)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.conv_block(x))


def _same(channels: int, count: int) -> list[Conv]:
    return [Conv(channels, channels, 3, 1, 1, residual=True) for _ in range(count)]


def _down(inputs: int, outputs: int, count: int) -> nn.Sequential:
    return nn.Sequential(Conv(inputs, outputs, 3, 2, 1), *_same(outputs, count))


def _up(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(Up(inputs, outputs), *_same(outputs, 2))


class Generator(nn.Module):
    """Mel chunks and faces in, faces with another mouth out; the names of all parts are those of official files."""

    def __init__(self) -> None:
        super().__init__()
        self.face_encoder_blocks = nn.ModuleList(
            [
                nn.Sequential(Conv(6, 16, 7, 1, 3)),  # 96 x 96
                _down(16, 32, 2),  # 48
                _down(32, 64, 3),  # 24
                _down(64, 128, 2),  # 12
                _down(128, 256, 2),  # 6
                _down(256, 512, 1),  # 3
                nn.Sequential(Conv(512, 512, 3), Conv(512, 512, 1)),  # 1
            ]
        )
        self.audio_encoder = nn.Sequential(
            Conv(1, 32, 3, 1, 1), *_same(32, 2),
            Conv(32, 64, 3, (3, 1), 1), *_same(64, 2),
            Conv(64, 128, 3, 3, 1), *_same(128, 2),
            Conv(128, 256, 3, (3, 2), 1), *_same(256, 1),
            Conv(256, 512, 3), Conv(512, 512, 1),
        )  # fmt: skip
        self.face_decoder_blocks = nn.ModuleList(
            [
                nn.Sequential(Conv(512, 512, 1)),  # 1 x 1
                nn.Sequential(Up(1024, 512, stride=1, padding=0), *_same(512, 1)),  # 3
                _up(1024, 512),  # 6
                _up(768, 384),  # 12
                _up(512, 256),  # 24
                _up(320, 128),  # 48
                _up(160, 64),  # 96
            ]
        )
        self.output_block = nn.Sequential(Conv(80, 32, 3, 1, 1), nn.Conv2d(32, 3, 1), nn.Sigmoid())

    def forward(self, mel: torch.Tensor, face: torch.Tensor) -> torch.Tensor:
        """(n, 1, 80, 16) mel, -4..4, and (n, 6, 96, 96) BGR 0..1, the face without its lower half and a whole face
        -> (n, 3, 96, 96) BGR 0..1.
        """
        features = []
        for block in self.face_encoder_blocks:
            face = block(face)
            features.append(face)
        x = self.audio_encoder(mel)
        for block in self.face_decoder_blocks:
            x = torch.cat([block(x), features.pop()], 1)
        mouth: torch.Tensor = self.output_block(x)
        return mouth


@dataclass(frozen=True, eq=False)
class FoldedLayer:
    """A convolution; `up` a transposed one. weight, bias: for F.conv2d or F.conv_transpose2d."""

    weight: torch.Tensor
    bias: torch.Tensor | None
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    up: bool = False
    residual: bool = False

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """The convolution alone."""
        if self.up:
            more = self.stride[0] - 1
            return F.conv_transpose2d(x, self.weight, self.bias, self.stride, self.padding, more)
        return F.conv2d(x, self.weight, self.bias, self.stride, self.padding)

    def activated(self, x: torch.Tensor) -> torch.Tensor:
        """As in the network: with the input once more for a residual layer, and ReLU."""
        y = self(x)
        return F.relu_(y.add_(x) if self.residual else y)

    def split(self, channels: int) -> tuple["FoldedLayer", "FoldedLayer"]:
        """Two layers whose sum is this one: of the first input channels, and of the others; the bias is the second's.

        A convolution of two tensors put together is the sum of a convolution of each.
        """
        along = 0 if self.up else 1
        first, second = self.weight.split([channels, self.weight.shape[along] - channels], along)
        return replace(self, weight=first.contiguous(), bias=None), replace(self, weight=second.contiguous())

    def to(self, **options: Any) -> "FoldedLayer":
        """On another device, or of another type, stored by channels last."""
        weight = self.weight.to(**options).contiguous(memory_format=torch.channels_last)
        return replace(self, weight=weight, bias=None if self.bias is None else self.bias.to(**options))


def fold(module: Conv | Up) -> FoldedLayer:
    """A convolution and its batch norm in evaluation mode as one layer."""
    conv = cast("nn.Conv2d | nn.ConvTranspose2d", module.conv_block[0])
    norm = cast(nn.BatchNorm2d, module.conv_block[1])
    assert conv.bias is not None
    assert norm.running_mean is not None
    assert norm.running_var is not None
    up = isinstance(module, Up)
    scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    shape = (1, -1, 1, 1) if up else (-1, 1, 1, 1)
    weight = conv.weight.double() * scale.view(shape)
    bias = (conv.bias.double() - norm.running_mean.double()) * scale + norm.bias.double()
    residual = isinstance(module, Conv) and module.residual
    return FoldedLayer(weight.float(), bias.float(), conv.stride, cast(tuple[int, ...], conv.padding), up, residual)


def plain(conv: nn.Conv2d) -> FoldedLayer:
    """A convolution without batch norm."""
    return FoldedLayer(conv.weight.detach(), conv.bias, conv.stride, conv.padding)  # type: ignore[arg-type]


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
