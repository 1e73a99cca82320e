"""What a package may cost its reader.  Sizes, counts and depths; no policy on content."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True)
class Limits:
    """Bounds of one package; sizes in bytes.

    ``max_ratio`` is unpacked over packed and counts from ``ratio_floor`` unpacked bytes on, because
    a short file of one repeated letter is no bomb.  ``Image/`` entries may be as large as the
    archive; every other entry obeys ``max_entry_bytes``.
    """

    max_archive_bytes: int = 512 * MIB
    max_entries: int = 1024
    max_entry_bytes: int = 100 * MIB
    max_total_bytes: int = 2048 * MIB
    max_ratio: int = 200
    ratio_floor: int = MIB
    max_appd_bytes: int = 8 * MIB
    max_text_bytes: int = MIB
    max_chart_text_bytes: int = 8 * MIB
    max_name_bytes: int = 1024
    max_yaml_bytes: int = 512 * KIB
    max_yaml_nodes: int = 20_000
    max_yaml_depth: int = 48

    def entry_bytes(self, path: str) -> int:
        """The most that the entry at ``path`` may hold, unpacked."""
        folders = path.casefold().split("/")[:-1]
        return self.max_archive_bytes if "image" in folders[:2] else self.max_entry_bytes
