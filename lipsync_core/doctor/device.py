"""What the models run on, and the room they have."""

import shutil
from pathlib import Path
from typing import Any

from lipsync_core.settings import settings


def device() -> dict[str, Any]:
    """What is set, threads of torch, and the GPUs that torch sees."""
    import torch

    cuda = torch.cuda.is_available()
    return {
        "set": settings().device,
        "threads": torch.get_num_threads(),
        "cuda": torch.version.cuda,
        "gpus": [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())] if cuda else [],
    }


def room() -> dict[str, Any]:
    """The cache of prepared faces, and the free space where it lies, in GiB."""
    folder = settings().cache_dir
    place: Path = next(path for path in (folder, *folder.parents) if path.exists())
    return {"cache": str(folder), "free_gib": round(shutil.disk_usage(place).free / 2**30, 1)}
