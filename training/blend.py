"""From what each teacher's head says to the five channels of the rig, in their own units."""

import numpy as np
import torch

from lipsync_core.models.rig.motion import CHANNELS, MotionNet
from training.source import Source

# How much each teacher is trusted, by channel. Real lips know most; captured and synthetic ones know other words.
TRUST = {
    "open": {"real": 0.5, "captured": 0.2, "synthetic": 0.3},
    "width": {"real": 0.45, "captured": 0.25, "synthetic": 0.3},
    "pucker": {"captured": 0.25, "synthetic": 0.75},
    "press": {"real": 0.4, "synthetic": 0.6},
    "tuck": {"synthetic": 1.0},
}
# Standard deviation that a shape shall have over natural speech, in eye distances. A network that minimises squared
# error moves less than its teachers; this gives the amplitude back: that of real lips, and for the width somewhat more,
# so that it is seen beside the sway of the head.
SPREAD = {"open": 0.058, "width": 0.0375}
# Gain and offset of the others, from the heads' standardised values or logits: a rounded sound comes to 0.8 and others
# to 0.1; a seal that the network thinks as likely as not is drawn, since a missed closure is what people see.
GAIN = {"pucker": 0.35, "press": 2.0, "tuck": 2.0}
OFFSET = {"pucker": 0.1, "press": 0.9, "tuck": 2.2}
# Real lips are on average as wide in speech as at rest, those of the other teachers narrower: half of the difference.
WIDER = 0.012  # eye distances


def blend(net: MotionNet, sources: list[Source], said: np.ndarray) -> None:
    """Set the blend from `said` (n, HEADS), what the heads say on natural speech; at rest open and width are 0."""
    weights, offset = np.zeros((len(CHANNELS), said.shape[1])), np.zeros(len(CHANNELS))
    deviation = said.std(0)
    for row, channel in enumerate(CHANNELS):
        for source in sources:
            trust = TRUST[channel].get(source.name, 0.0)
            if not trust:
                continue
            k = source.channels.index(channel)
            head = source.first + k
            if channel in SPREAD:
                weights[row, head] = trust / deviation[head]
                offset[row] -= weights[row, head] * (source.rest[k] - source.mean[k]) / source.std[k]
            else:
                weights[row, head] = trust * GAIN[channel]
        if channel in SPREAD:
            gain = SPREAD[channel] / (said @ weights[row]).std()
            weights[row] *= gain
            offset[row] *= gain
            offset[row] += WIDER if channel == "width" else 0.0
        else:
            offset[row] = OFFSET[channel]
    net.blend.copy_(torch.from_numpy(weights))
    net.offset.copy_(torch.from_numpy(offset))
