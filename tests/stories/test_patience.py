"""What hangs is ended when its time is over, and what does not is left alone."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from tests.stories.patience import Hangs, at_most, children, end, hangs


def test_what_takes_too_long_is_ended_and_remembered():
    before, began = len(hangs), time.monotonic()
    with pytest.raises(Hangs, match=r"the nap took longer than 0\.05 s"), at_most(0.05, "the nap"):
        time.sleep(5)
    assert time.monotonic() - began < 2
    assert hangs[before:] == ["the nap"]
    with at_most(5, "nothing"):
        pass
    assert hangs[before:] == ["the nap"]


def test_children_are_found_and_ended_and_nobody_else():
    before = children()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    own = children() - before
    assert child.pid in own
    end(own)
    assert child.wait(5) < 0
    end(own)
