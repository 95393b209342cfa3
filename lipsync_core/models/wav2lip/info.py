"""What is known of Wav2Lip without loading it."""

from lipsync_core.errors import Message
from lipsync_core.models.info import ModelInfo

INFO = ModelInfo(
    name="wav2lip",
    licence=Message("weights: research and personal use only (trained on LRS2)"),
    commercial_use=False,
    checkpoints=("wav2lip_gan", "wav2lip"),  # the one that draws sharper mouths first
    uses_gpu=True,
    setting="wav2lip_weights",
)
