"""The network of Wav2Lip (Prajwal et al., "A Lip Sync Expert Is All You Need", ACM MM 2020), by its state dict."""

import torch
import torch.nn.functional as F
from torch import nn

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
