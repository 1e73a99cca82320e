"""What the tests of the package reader share: packages written to a folder, and read from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from apps.packages.csar import PackageInfo, PackageRefused, read_package
from examples.packages import build

Read = Callable[..., PackageInfo]
Refused = Callable[..., PackageRefused]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Build a package from the fields of Request and read it."""

    def read_built(digests: Any = "warn", **request: Any) -> PackageInfo:
        path = build(tmp_path / "package.csar", **request)
        return read_package(path, filename=path.name, digests=digests)

    return read_built


@pytest.fixture
def refused(tmp_path: Path) -> Refused:
    """The refusal of a package given as bytes; fails when it is accepted."""

    def read_bytes(data: bytes, **options: Any) -> PackageRefused:
        path = tmp_path / "package.csar"
        path.write_bytes(data)
        with pytest.raises(PackageRefused) as caught:
            read_package(path, filename=path.name, **options)
        return caught.value

    return read_bytes
