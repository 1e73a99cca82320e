"""Which tests go to one worker together."""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

STORIES = "tests/stories/"


class Scheduler(LoadFileScheduling):
    """A file to one worker, as ``--dist loadfile`` says; all stories to the same."""

    def _split_scope(self, nodeid: str) -> str:
        return STORIES if nodeid.startswith(STORIES) else str(super()._split_scope(nodeid))
