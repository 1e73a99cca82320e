"""A program that answers as skopeo does, and keeps what it was asked."""

from __future__ import annotations

import json
import os

MANIFEST = json.dumps({"config": {"digest": "sha256:c", "size": 2}, "layers": [{"size": 40}]})
# It keeps what it was asked, and has a registry in the directory ``home``.
PROGRAM = """\
#!/bin/sh
home={home}
echo "$@" >> $home/calls
env > $home/env
stat -c '%a' . >> $home/modes
for one in access-*; do stat -c '%a' $one >> $home/modes; cat $one >> $home/access; done
case "$*" in
  copy*) {copy} ;;
  *--config*) printf config ;;
  *docker://registry.test*)
    cat $home/manifest 2>/dev/null || {{ echo manifest unknown >&2; exit 1; }} ;;
  *) cat $home/source ;;
esac
"""
COPY = "cp $home/source $home/manifest"


class StandIn:
    """The program, and what it was asked."""

    def __init__(self, home, monkeypatch):
        self.home, self._patch = home, monkeypatch
        home.mkdir()
        (home / "source").write_text(MANIFEST)
        self.does(COPY)

    def does(self, copy):
        """What a copy does, in the shell."""
        program = self.home / "bin/skopeo"
        program.parent.mkdir(exist_ok=True)
        program.write_text(PROGRAM.format(home=self.home, copy=copy))
        program.chmod(0o755)
        self._patch.setenv("PATH", f"{program.parent}:{os.defpath}")

    def read(self, name):
        """A file of its home; empty where there is none."""
        path = self.home / name
        return path.read_text() if path.exists() else ""

    def copies(self):
        """The copies that were asked for."""
        return [line for line in self.read("calls").splitlines() if line.startswith("copy")]
