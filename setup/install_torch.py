"""Install torch into the environment of this interpreter, without CUDA packages where there is no NVIDIA GPU.

A torch that is there already and fits the requirement is kept, whoever built it. On Linux a plain `pip install torch`
may bring several GB of CUDA packages, depending on the index that pip is set up for; so pip is asked for its plan
first. Runs before anything is installed: only the standard library and pip.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

TORCH = "torch==2.13.0"  # what is installed where there is none
UV = "uv==0.13.9"  # knows where the CPU builds are; used only where pip would bring CUDA
CUDA_PACKAGES = ("nvidia-", "cuda-", "pytorch-triton", "triton")  # how their names begin

Choice = Literal["pip", "cpu build"]


def required(requirements: Path) -> str:
    """The line of a requirements file that asks for torch."""
    for line in requirements.read_text(encoding="utf-8").splitlines():
        if line.startswith("torch") and line[len("torch") : len("torch") + 1] in ("", "=", ">", "<", "~", "!"):
            return line
    raise SystemExit(f"{requirements} does not ask for torch; restore it from a fresh copy of the program.")


def is_met(requirement: str) -> bool:
    """Whether what is required is installed; versions such as 2.13.0+cpu count."""
    from importlib.metadata import PackageNotFoundError, version

    from pip._vendor.packaging.requirements import Requirement  # always there where pip is

    wanted = Requirement(requirement)
    try:
        return wanted.specifier.contains(version(wanted.name), prereleases=True)
    except PackageNotFoundError:
        return False


def has_nvidia_gpu() -> bool:
    if Path("/dev/nvidia0").exists():
        return True
    program = shutil.which("nvidia-smi")
    if not program:
        return False
    listed = subprocess.run([program, "-L"], capture_output=True, text=True, check=False)
    return listed.returncode == 0 and "GPU" in listed.stdout


def cuda_packages(report: dict[str, Any]) -> list[str]:
    """Names of the CUDA packages in pip's installation report."""
    names = [item["metadata"]["name"].lower().replace("_", "-") for item in report.get("install", [])]
    return [name for name in names if name.startswith(CUDA_PACKAGES)]


def choose(report: dict[str, Any], gpu: bool) -> Choice:
    """How to install, given what pip would install."""
    return "cpu build" if cuda_packages(report) and not gpu else "pip"


def pip(*arguments: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-P", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, text=True, check=True, **options)


def main() -> None:
    if is_met(required(Path(sys.argv[1]))):
        return
    plan = pip("--dry-run", "--report", "-", TORCH, stdout=subprocess.PIPE).stdout
    if choose(json.loads(plan), has_nvidia_gpu()) == "pip":
        pip(TORCH)
        return
    pip(UV)
    uv = [
        sys.executable,
        "-P",
        "-m",
        "uv",
        "pip",
        "install",
        "--quiet",
        "--python",
        sys.executable,
        "--torch-backend=cpu",
    ]
    if subprocess.run([*uv, TORCH], check=False).returncode:
        raise SystemExit(
            f"The CPU build of {TORCH} could not be downloaded; try again, or take the build for NVIDIA GPUs, several "
            f"GB, by `{sys.executable} -m pip install {TORCH}`, and start again."
        )


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        raise SystemExit("torch could not be installed; pip says why above.") from error
