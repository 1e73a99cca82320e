"""Somebody carries files between the sites: the feed of the edge, and what the center has of it.

They are read late, twice, in another order than they were written, and after a site was restored.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path

from apps.common.errors import DomainError
from apps.hosts.models import AppLcm
from apps.sync import files, puller
from mecm_portal.simulation.world import World

MOST_CARRIED = 3


class Carrier:
    """Who carries them, with the last few of each kind in the pocket."""

    def __init__(self, world: World) -> None:
        self.world, self.count = world, 0
        self.feeds: deque[Path] = deque(maxlen=MOST_CARRIED)
        self.receipts: deque[Path] = deque(maxlen=MOST_CARRIED)

    def carry(self) -> str:
        """Take a file at one site, or hand one over at the other."""
        deeds = (self._take_feed, self._hand_feed, self._take_receipt, self._hand_receipt)
        deed: Callable[[], str] = self.world.dice.choice(deeds)
        try:
            return f"{deed.__name__} {deed()}"
        except DomainError as error:
            return f"refused, {error.code}"

    def _take_feed(self) -> str:
        path = self._new()
        with self.world.edge.inside():
            rows = files.export_feed(path)
        self.feeds.append(path)
        return f"{path.name} {rows}"

    def _hand_feed(self) -> str:
        if not self.feeds:
            return self._take_feed()
        path = self.world.dice.choice(self.feeds)
        with self.world.center.inside():
            head, rows = files.read(path)
            report = puller.pull(self.world.edge_id, file=files.FileFeed(head, rows))
        self.world.tally["files read"] += report["came"] == "ok"
        self.world.tally["old files"] += report["came"] == "old"
        return f"{path.name} {report}"

    def _take_receipt(self) -> str:
        path = self._new()
        with self.world.center.inside():
            files.export_receipt(AppLcm.objects.get(pk=self.world.edge_id), path)
        self.receipts.append(path)
        return path.name

    def _hand_receipt(self) -> str:
        if not self.receipts:
            return self._take_receipt()
        path = self.world.dice.choice(self.receipts)
        with self.world.edge.inside():
            head, _ = files.read(path)
            upto = files.take_receipt(head)
        self.world.tally["receipts read"] += 1
        return f"{path.name} {upto}"

    def _new(self) -> Path:
        self.count += 1
        return self.world.folder / f"carried-{self.count}"
