"""How the containers of a pod behave: read from the pod's annotations and its images' names.

The annotations may be changed while the pod runs, and then count from that moment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Object = dict[str, Any]
PREFIX = "stand-in/"
INIT_SECONDS = 0.1
JOB_SECONDS = 1.0
CRASH_SECONDS = 1.0


class Fail(StrEnum):
    """What goes wrong with a container."""

    NOTHING = ""
    IMAGE = "image"
    CRASH = "crash"
    OOM = "oom"
    UNREADY = "unready"


# By the last part of an image's name, for charts whose annotations a test cannot reach.
_BY_IMAGE = {
    "no-such-": Fail.IMAGE,
    "crash-": Fail.CRASH,
    "oom-": Fail.OOM,
    "unready-": Fail.UNREADY,
}
_SLOW_IMAGE = re.compile(r"slow-(\d+)")
_PRIVATE_IMAGE = "private-"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Of one container.  ``run_seconds`` is None where it runs until it is stopped."""

    fail: Fail = Fail.NOTHING
    pull_seconds: float = 0.05
    run_seconds: float | None = None
    exit_code: int = 0
    stop_seconds: float = 0.2
    log_rate: float = 1.0
    log_text: str = ""
    private: bool = False

    @classmethod
    def of(cls, pod: Object, container: Object, *, init: bool = False) -> Behaviour:
        """Of a container of ``pod`` as its annotations are now."""
        said = wishes(pod)
        name = image_name(container["image"])
        slow = _SLOW_IMAGE.match(name)
        fail = _failure(said, container["name"], name, init)
        return cls(
            fail=fail,
            pull_seconds=_number(said, "start-seconds", float(slow[1]) if slow else 0.05),
            run_seconds=_run_seconds(pod, container, said, fail, init),
            exit_code=int(_number(said, "exit-code", 1 if fail is Fail.CRASH else 0)),
            stop_seconds=_number(said, "stop-seconds", 0.2),
            log_rate=_number(said, "log-rate", 1.0),
            log_text=said.get("log-text", ""),
            private=name.startswith(_PRIVATE_IMAGE),
        )


def wishes(thing: Object) -> dict[str, str]:
    """An object's annotations that are meant for the stand-in, without their prefix."""
    every: dict[str, str] = thing["metadata"].get("annotations") or {}
    return {
        name.removeprefix(PREFIX): value for name, value in every.items() if name.startswith(PREFIX)
    }


def image_name(image: str) -> str:
    """The last part of an image's name, without tag and digest."""
    return image.rsplit("/", 1)[-1].split("@")[0].split(":")[0]


def image_registry(image: str) -> str:
    """The registry of an image as container runtimes understand its name."""
    first, slash, _ = image.partition("/")
    named = bool(slash) and ("." in first or ":" in first or first == "localhost")
    return first if named else "docker.io"


def _failure(said: dict[str, str], container: str, name: str, init: bool) -> Fail:
    meant = said.get("container")
    if "fail" in said and (container == meant if meant else not init):
        try:
            return Fail(said["fail"])
        except ValueError:
            return Fail.NOTHING
    return next((fail for start, fail in _BY_IMAGE.items() if name.startswith(start)), Fail.NOTHING)


def _run_seconds(
    pod: Object, container: Object, said: dict[str, str], fail: Fail, init: bool
) -> float | None:
    if init:
        usual = None if container.get("restartPolicy") == "Always" else INIT_SECONDS
    else:
        owners = pod["metadata"].get("ownerReferences") or ()
        usual = JOB_SECONDS if any(owner["kind"] == "Job" for owner in owners) else None
        if "run-seconds" in said:
            return _number(said, "run-seconds", JOB_SECONDS)
    return CRASH_SECONDS if fail in (Fail.CRASH, Fail.OOM) else usual


def _number(said: dict[str, str], name: str, usual: float) -> float:
    try:
        return max(0.0, float(said[name]))
    except (KeyError, ValueError):
        return usual
