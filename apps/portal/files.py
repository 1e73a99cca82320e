"""The files of a package as a tree for the page.  Reads nothing from the package itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from apps.packages.csar.info import FileInfo


@dataclass
class Branch:
    """A folder with its folders and files, both by name."""

    name: str
    folders: dict[str, Branch] = field(default_factory=dict)
    files: list[tuple[str, FileInfo]] = field(default_factory=list)

    @property
    def branches(self) -> list[Branch]:
        """The folders in it, by name."""
        return [self.folders[name] for name in sorted(self.folders)]


def tree(files: Iterable[FileInfo]) -> Branch:
    """The folder that holds ``files``."""
    root = Branch("")
    for one in sorted(files, key=lambda item: item.path):
        *folders, name = one.path.split("/")
        place = root
        for folder in folders:
            place = place.folders.setdefault(folder, Branch(folder))
        place.files.append((name, one))
    return root
