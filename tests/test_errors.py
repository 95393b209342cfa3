"""Sentences as data: what they read like, and that they survive copies and other processes."""

import copy
import pickle
from pathlib import Path

import pytest

from lipsync_core.errors import LipsyncError, Message, NotReady, Reason
from lipsync_core.jobs.queue import Busy


def test_gaps_hold_names_lists_and_other_sentences() -> None:
    how = Message("Run `{command}`.", command="fetch x")
    assert Message("There is no {name!r}; use {names: or }.", name=Path("a b"), names=("x", "y")) == (
        "There is no 'a b'; use x or y."
    )
    assert Message("One of {names}, {size:.1f} MB: {how:inner}.", names=("x", how), size=2, how=how) == (
        "One of x, Run `fetch x`., 2.0 MB: run `fetch x`."
    )
    inner = LipsyncError("{file} is empty; save it again.", file="a.png")
    assert str(LipsyncError("It failed ({why:inner}); try again.", why=inner)) == (
        "It failed (a.png is empty; save it again); try again."
    )


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(28, "No space left on device", "/a/b"), "No space left on device"),
        (ValueError("it is\n  broken."), "it is broken"),
        (ValueError(), "ValueError"),
    ],
)
def test_a_reason_is_one_line_without_a_full_stop(error: Exception, said: str) -> None:
    assert Reason(error) == said


def test_errors_and_messages_survive_copies_and_other_processes() -> None:
    ready = NotReady("{voice} lacks a {{file}}: {how}.", voice="x", how=Reason("no {net}"), checkpoints=["kokoro"])
    for error in (ready, Busy(3, 10)):
        other = pickle.loads(pickle.dumps(error))  # noqa: S301
        assert (type(other), str(other), other.__dict__) == (type(error), str(error), error.__dict__)
        assert other.message.values == error.message.values
    message = copy.deepcopy(ready.message)
    assert (message, message.template, message.values) == (ready.message, ready.message.template, ready.message.values)
    assert isinstance(message.values["how"], Reason)
