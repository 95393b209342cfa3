"""One command sets everything up, brings no CUDA to a machine without a GPU, and is quick when all is in place."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

spec = importlib.util.spec_from_file_location("install_torch", ROOT / "setup" / "install_torch.py")
install_torch = importlib.util.module_from_spec(spec)
spec.loader.exec_module(install_torch)


def plan(*names: str) -> dict:
    """pip's installation report, as far as it is read."""
    return {"version": "1", "install": [{"metadata": {"name": name, "version": "1"}} for name in names]}


CPU_PLAN = plan("torch", "fsspec", "networkx", "setuptools", "sympy", "mpmath", "typing_extensions", "filelock")
CUDA_PLAN = plan("torch", "cuda-toolkit", "nvidia-cudnn-cu13", "triton", "cuda-bindings", "nvidia_cublas", "fsspec")


def test_no_cuda_without_a_gpu():
    assert install_torch.cuda_packages(CPU_PLAN) == []
    assert len(install_torch.cuda_packages(CUDA_PLAN)) == 5
    assert install_torch.choose(CUDA_PLAN, gpu=False) == "cpu build"
    assert install_torch.choose(CUDA_PLAN, gpu=True) == "pip"
    assert install_torch.choose(CPU_PLAN, gpu=False) == "pip"
    assert install_torch.choose(plan(), gpu=False) == "pip"


def test_a_torch_that_fits_is_kept():
    requirement = install_torch.required(ROOT / "requirements.txt")
    assert requirement.startswith("torch>=")
    assert install_torch.is_met(requirement)
    assert not install_torch.is_met("torch>=99")
    assert not install_torch.is_met("no-such-package-of-any-name")


def test_the_torch_that_is_installed_is_within_the_range():
    from packaging.requirements import Requirement

    ours = Requirement(install_torch.required(ROOT / "requirements.txt"))
    assert ours.specifier.contains(install_torch.TORCH.removeprefix("torch=="))


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_everything_else_is_pinned_and_explained(name):
    explained = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    for line in lines:
        if line.strip() and not line.startswith("#"):
            package = re.split(r"[=<>]", line)[0]
            assert package == "torch" or re.fullmatch(
                r'[A-Za-z0-9_-]+==[0-9][0-9a-z.]*(; platform_machine == "x86_64")?', line
            ), line
            assert f"| {package} |" in explained, package


@pytest.fixture
def checkout(tmp_path) -> Path:
    """The scripts in a folder with a space in its name, with a program that tells what it was called with."""
    place = tmp_path / "a checkout"
    (place / "lipsync_core").mkdir(parents=True)
    for name in ["run.sh", "requirements.txt", "requirements-dev.txt"]:
        shutil.copy(ROOT / name, place / name)
    shutil.copytree(ROOT / "setup", place / "setup")
    (place / "lipsync_core" / "__init__.py").touch()
    (place / "lipsync_core" / "__main__.py").write_text("import sys\nprint(sys.argv[1:])\n")
    (place / "app.py").write_text("print('the page')\n")
    return place


def tools(folder: Path, *names: str) -> Path:
    """A folder for PATH that holds these programs alone."""
    folder.mkdir()
    for name in ["bash", "env", "cat", "cmp", "cp", "basename", "dirname", "readlink", "id", *names]:
        (folder / name).symlink_to(shutil.which(name))
    return folder


def run(script: Path, *arguments: str, path: Path, cwd: Path) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PATH": str(path)}
    environment.pop("PYTHON", None)
    return subprocess.run(
        [str(script), *arguments], env=environment, cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )


def put_in_place(checkout: Path) -> None:
    """An environment as a set-up leaves it."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(checkout / ".venv")], check=True)
    version = "{}.{}".format(*sys.version_info[:2])
    shutil.copy(checkout / "requirements.txt", checkout / ".venv" / f"installed-{version}-requirements.txt")


def test_when_all_is_in_place_it_only_starts(checkout, tmp_path):
    put_in_place(checkout)
    path = tools(tmp_path / "bin")  # neither a Python nor pip: nothing could be installed
    (tmp_path / "lipsync_core.py").write_text("raise SystemExit('a file of the user was run')")
    done = run(checkout / "run.sh", "render", "--text", "two words", path=path, cwd=tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == ("['render', '--text', 'two words']\n", "", 0)
    done = run(checkout / "run.sh", path=path, cwd=tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == ("the page\n", "", 0)

    link = tmp_path / "lipsync"
    link.symlink_to(checkout / "run.sh")
    assert run(link, "doctor", path=path, cwd=tmp_path).stdout == "['doctor']\n"


def test_changed_requirements_are_installed_again(checkout, tmp_path):
    put_in_place(checkout)
    (checkout / "requirements.txt").write_text("torch>=2.7\n")
    done = run(checkout / "run.sh", path=tools(tmp_path / "bin"), cwd=tmp_path)
    assert done.returncode == 1
    assert "No Python 3.11, 3.12 or 3.13 was found" in done.stderr


def fake_python(folder: Path, version: tuple[int, int], without: str) -> None:
    """A python3 of another version, or without a module."""
    # A shell script, because the path of this Python may hold a space and a shebang's must not.
    script = f"""#!/bin/sh
exec '{sys.executable}' - "$@" <<'END'
import sys
sys.version_info = {(*version, 0, "final", 0)}
if sys.argv[1] == "-c" and {without!r} not in sys.argv[2]:
    exec(sys.argv[2])
else:
    sys.exit(1)
END
"""
    (folder / "python3").write_text(script)
    (folder / "python3").chmod(0o755)


def test_python_that_is_too_old_or_too_new(checkout, tmp_path):
    path = tools(tmp_path / "bin")
    for version in [(3, 10), (3, 14)]:
        fake_python(path, version, without="nothing")
        done = run(checkout / "run.sh", path=path, cwd=tmp_path)
        assert (done.stdout, done.returncode) == ("", 1)
        assert "sudo apt-get install python3-venv" in done.stderr


def test_python_without_venv_says_which_package_to_install(checkout, tmp_path):
    path = tools(tmp_path / "bin")
    fake_python(path, (3, 12), without="ensurepip")
    done = run(checkout / "run.sh", path=path, cwd=tmp_path)
    assert (done.stdout, done.returncode) == ("", 1)
    assert "sudo apt-get install python3.12-venv" in done.stderr


@pytest.mark.parametrize("name", ["run.sh", "test.sh", ".ci/run"])
def test_scripts_can_be_run_and_stop_at_the_first_failure(name):
    script = ROOT / name
    assert os.access(script, os.X_OK)
    assert "set -euo pipefail" in script.read_text()
    assert subprocess.run([shutil.which("bash"), "-n", str(script)], check=False).returncode == 0
