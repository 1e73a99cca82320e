"""Counts what a run reached that no fault of its own making tells: what the sites made of it all.

It looks over the shoulder of the sites' code, which does what it does without it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from apps.common import merging
from apps.common.merging import Merged
from apps.journal import services as journal
from apps.sync import copying

# What the sites write into their record, and how a run tells of it.
ENTRIES = {
    "hosts.host.contested": "conflicts",
    "rules.configuration.contested": "conflicts",
    "hosts.host.settled": "choices",
    "rules.configuration.settled": "choices",
}


def places(tally: Counter[str]) -> tuple[tuple[Any, str, Any], ...]:
    """Where to stand, as ``standins.swapped`` takes it."""
    merge, record = merging.merge, journal.record
    begin, is_whole = copying.begin, copying.is_whole

    def counted_merge(**content: Any) -> Merged:
        merged = merge(**content)
        if merged.is_owed and merged.content != content["ours"]:
            tally["merges"] += 1
        return merged

    def counted_record(verb: str, *args: Any, **options: Any) -> None:
        record(verb, *args, **options)
        if verb in ENTRIES:
            tally[ENTRIES[verb]] += 1

    def counted_begin(*args: Any, **options: Any) -> None:
        begin(*args, **options)
        if options.get("told") is not None:
            tally["forks noticed"] += 1

    def counted_whole(*args: Any) -> bool:
        whole = is_whole(*args)
        if whole:
            tally["full copies"] += 1
        return whole

    return (
        (merging, "merge", counted_merge), (journal, "record", counted_record),
        (copying, "begin", counted_begin), (copying, "is_whole", counted_whole),
    )
