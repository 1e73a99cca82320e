"""The programs of a control plane: installed, built before, or built now.  See README.md.

Needs no package, so that ``python3 -m tools.cluster.binaries`` builds before anything is installed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tools import builds
from tools.builds import Missing

HERE = Path(__file__).resolve().parent
MODULE = HERE / "controlplane"
DEBIAN = HERE / "debian.sh"
NAMES = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
OLDEST_GO = (1, 24)
DIRECTORY = "MECM_KUBERNETES_BIN"
NEEDED_GIGABYTES = 6
_STAMPED = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")


@dataclass(frozen=True)
class Programs:
    """How each program is started, and the release of Kubernetes that they are."""

    release: str
    words: dict[str, tuple[str, ...]]

    @property
    def minor(self) -> tuple[int, int]:
        """Major and minor, for what differs between releases."""
        major, minor = self.release.split(".")[:2]
        return int(major), int(minor)


def find() -> Programs:
    """The programs; built where they are not there yet.  Raises Missing."""
    named = os.environ.get(DIRECTORY)
    if named:
        return _programs(Path(named))
    way = _go_way() or _debian_way()
    if way is None:
        raise Missing(
            "there are no Kubernetes programs: install Go 1.24 or newer, which builds them once,"
            f" or name a directory that has {', '.join(NAMES)} in {DIRECTORY}, or an existing"
            " cluster in KUBECONFIG"
        )
    folder = builds.cache("kubernetes") / way.fingerprint
    builds.once(way.title, folder, NEEDED_GIGABYTES, way.build)
    return _programs(folder)


@dataclass(frozen=True)
class _Way:
    """One way of building: the command for a directory, and what its result depends on."""

    title: str
    fingerprint: str
    command: tuple[str, ...]
    environment: dict[str, str]
    folder: Path

    def build(self, folder: Path) -> None:
        """Run the command.  Raises Missing when it fails."""
        words = [word.replace("{folder}", str(folder)) for word in self.command]
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="work-") as work:
            # What the compiler keeps for itself is gigabytes, and of no use afterwards.
            kept = {"GOCACHE": os.environ.get("GOCACHE", f"{work}/go"), "TMPDIR": work}
            title = f"building {self.title}"
            builds.run(title, words, self.folder, {**kept, **self.environment})


def _go_way() -> _Way | None:
    go = shutil.which("go")
    if go is None:
        return None
    said = subprocess.run(
        [go, "env", "GOVERSION"], capture_output=True, text=True, check=False, cwd=MODULE
    ).stdout
    match = re.match(r"go(\d+)\.(\d+)", said)
    if match is None or (int(match[1]), int(match[2])) < OLDEST_GO:
        return None
    release = module_release()
    major, minor = release.split(".")[:2]
    stamps = {"gitVersion": f"v{release}", "gitMajor": major, "gitMinor": minor}
    linker = ["-s", "-w"] + [
        f"-X {package}.{name}={value}" for package in _STAMPED for name, value in stamps.items()
    ]
    return _Way(
        title=f"Kubernetes {release} with {said.strip()}, about 5 minutes on two cores",
        fingerprint="go-" + _hash(*(MODULE / name for name in ("main.go", "go.mod", "go.sum"))),
        command=(
            # What a debugger would read is left out below, so it need not be made.
            *(go, "build", "-trimpath", "-gcflags=all=-dwarf=false"),
            *("-ldflags", " ".join(linker), "-o", "{folder}/controlplane", "."),
        ),
        environment={"CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off", "GOTOOLCHAIN": "local"},
        folder=MODULE,
    )


def module_release() -> str:
    """The release of Kubernetes that the Go module pins."""
    match = re.search(r"k8s\.io/kubernetes v(\S+)", (MODULE / "go.mod").read_text())
    if match is None:
        raise Missing(f"{MODULE / 'go.mod'} names no release of Kubernetes")
    return match[1]


def _debian_way() -> _Way | None:
    release = Path("/etc/os-release")
    bookworm = release.exists() and "VERSION_CODENAME=bookworm" in release.read_text()
    if not bookworm or os.getuid() != 0 or shutil.which("apt-get") is None:
        return None
    return _Way(
        title="Kubernetes 1.20.2 from Debian's source package, about 5 minutes on two cores",
        fingerprint="debian-" + _hash(DEBIAN),
        command=("bash", str(DEBIAN), "{folder}"),
        environment={},
        folder=HERE,
    )


def _hash(*files: Path) -> str:
    return builds.fingerprint(*(file.read_bytes() for file in files))


def _programs(folder: Path) -> Programs:
    """The programs of a directory: one that is all of them, or one each."""
    whole = folder / "controlplane"
    words: dict[str, tuple[str, ...]] = {}
    if whole.exists():
        words = {name: (str(whole.resolve()), name) for name in NAMES}
    else:
        for name in NAMES:
            found = shutil.which(name, path=f"{folder.resolve()}{os.pathsep}{os.environ['PATH']}")
            if found is None:
                raise Missing(f"{folder} has no {name}")
            words[name] = (found,)
    said = subprocess.run(
        [*words["kube-apiserver"], "--version"], capture_output=True, text=True, check=False
    ).stdout
    match = re.search(r"v(\d+\.\d+\.\d+)", said)
    if match is None:
        raise Missing(f"{words['kube-apiserver'][0]} does not say its release: {said.strip()}")
    return Programs(match[1], words)


def main() -> int:
    """Build what is not built yet, and say what there is."""
    return builds.report(
        find, lambda one: f"Kubernetes {one.release}: {one.words['kube-apiserver'][0]}"
    )


if __name__ == "__main__":
    sys.exit(main())
