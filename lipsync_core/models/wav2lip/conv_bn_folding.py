"""Layers as plain weights: batch norm folded into the convolution before it."""

from dataclasses import dataclass, replace
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import nn

from lipsync_core.models.wav2lip.architecture import Conv, Up


@dataclass(frozen=True, eq=False)
class Layer:
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

    def split(self, channels: int) -> tuple["Layer", "Layer"]:
        """Two layers whose sum is this one: of the first input channels, and of the others; the bias is the second's.

        A convolution of two tensors put together is the sum of a convolution of each.
        """
        along = 0 if self.up else 1
        first, second = self.weight.split([channels, self.weight.shape[along] - channels], along)
        return replace(self, weight=first.contiguous(), bias=None), replace(self, weight=second.contiguous())

    def to(self, **options: Any) -> "Layer":
        """On another device, or of another type, stored by channels last."""
        weight = self.weight.to(**options).contiguous(memory_format=torch.channels_last)
        return replace(self, weight=weight, bias=None if self.bias is None else self.bias.to(**options))


def fold(module: Conv | Up) -> Layer:
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
    return Layer(weight.float(), bias.float(), conv.stride, cast(tuple[int, ...], conv.padding), up, residual)


def plain(conv: nn.Conv2d) -> Layer:
    """A convolution without batch norm."""
    return Layer(conv.weight.detach(), conv.bias, conv.stride, conv.padding)  # type: ignore[arg-type]
