"""Packages of npm: where their archives lie, as npm itself is set up to get them."""

import os
import shutil
import subprocess

from lipsync_core.checkpoints.failures import SourceFailed
from lipsync_core.errors import Reason

SECONDS = 30.0  # that npm may take to tell its settings


def tarball(package: str) -> str:
    """Address of the archive of NAME@VERSION. Raises SourceFailed."""
    name, _, version = package.rpartition("@")
    return f"{_registry(package)}/{name}/-/{name.rpartition('/')[2]}-{version}.tgz"


def _registry(package: str) -> str:
    """What npm's own variable says, else what npm is set to: like pip, it knows the user's mirror."""
    named = [value for key, value in os.environ.items() if key.lower() == "npm_config_registry" and value]
    if named:
        return named[0].rstrip("/")
    npm = shutil.which("npm")
    if npm is None:
        raise SourceFailed(
            "the npm package {package} cannot be had without npm; install Node.js with npm", package=package
        )
    try:
        asked = subprocess.run([npm, "config", "get", "registry"], capture_output=True, text=True, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SourceFailed(
            "npm does not tell where {package} is ({reason})", package=package, reason=Reason(error)
        ) from None
    address = asked.stdout.strip().rstrip("/")
    if asked.returncode != 0 or not address.startswith(("http://", "https://")):
        raise SourceFailed("npm does not tell where {package} is; check `npm config get registry`", package=package)
    return address
