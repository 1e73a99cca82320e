"""Container images copied from one registry to another, by the program ``skopeo``.

https://github.com/containers/skopeo, a package of Debian; it needs no Docker daemon and holds no
image in memory.  What it says on stderr goes to the site's log, and people get a sentence of ours.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
import re
import resource
import secrets
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import Conflict, Upstream, UpstreamTimeout
from apps.images.references import registry_of
from apps.vim.settings import Registry

PROGRAM: Final = "skopeo"
# What is looked at before and after a copy is small; a copy is given up when nothing moves.
LOOK_SECONDS: Final = 60.0
SILENT_SECONDS: Final = 600.0
POLL_SECONDS: Final = 0.2
ANSWER_BYTES: Final = 4 * 1024 * 1024
SAID_BYTES: Final = 16 * 1024
# The site's environment holds secrets, and names files that are not meant for this.
KEPT: Final = ("PATH", "LANG", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR")
Tell = Callable[[int], None]
_log = logging.getLogger("mecm.images")


class NoSuchImage(Conflict):
    """The registry does not have it, or not for us."""

    default_code = "image_missing"


class SeveralImages(Conflict):
    """An archive has more than one image: which of them has to be said."""

    default_code = "archive_several"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an image is or shall be: in a registry, or in an archive of ``docker save``.

    ``name`` is a reference in full, or the path of the archive, which people know as ``label``; of
    several images in it, ``member`` is the name of the one.
    """

    name: str
    registry: Registry | None = None
    label: str = ""
    member: str = ""

    @property
    def address(self) -> str:
        """As skopeo writes it."""
        if not self.label:
            return f"docker://{self.name}"
        return f"docker-archive:{self.name}{self.member and ':'}{self.member}"

    @property
    def where(self) -> str:
        """The registry, or the archive, as it is told to people."""
        return self.label or registry_of(self.name)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a registry has under a reference: digests as ``sha256:`` and hex, bytes of all layers.

    ``config`` is empty and ``size`` None for a list of images, one for each architecture.
    """

    digest: str
    config: str = ""
    size: int | None = None

    @classmethod
    def read(cls, raw: bytes, where: str) -> Self:
        """The manifest with these bytes; https://distribution.github.io/distribution/spec/manifest-v2-2."""
        try:
            data: dict[str, Any] = json.loads(raw)
            config, layers = data.get("config"), data.get("layers")
            digest = digest_of(raw)
            if not config or layers is None:
                return cls(digest)
            size = int(config.get("size", 0)) + sum(int(one["size"]) for one in layers)
            return cls(digest, str(config["digest"]), size)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise Upstream(
                N_("The registry %(where)s answered with something that is no manifest."),
                retryable=False, code="no_manifest", where=where,
            ) from None

    @property
    def is_list(self) -> bool:
        """Whether it stands for several architectures."""
        return not self.config


def digest_of(data: bytes) -> str:
    """The digest by which registries know these bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Skopeo:
    """The program at work for one image, in a private directory that the caller takes away.

    ``tell`` hears how many bytes were sent, several times a second while a copy goes on; what it
    raises ends the copy.  ``limit`` is the most bytes that one may have.
    """

    def __init__(self, folder: Path, tell: Tell, *, limit: int) -> None:
        self._folder, self._tell, self._limit = folder, tell, limit

    def manifest(self, place: Place) -> Manifest | None:
        """What is at a place in a registry; None where nothing is."""
        try:
            return Manifest.read(self._look("--raw", place), place.where)
        except NoSuchImage:
            return None

    def config_of(self, archive: Place) -> str:
        """The digest of the configuration of an archive's image, which outlives its copying."""
        return digest_of(self._look("--config", archive, "--raw"))

    def copy(
        self, source: Place, target: Place, *, every: bool = False, exact: bool = False
    ) -> None:
        """Copy an image; ``every`` is whether those of all architectures in a list.

        ``exact`` keeps its digest, which it else loses where its layers are not compressed or the
        registry takes only another form.
        """
        options = {"--all": every, "--preserve-digests": exact}
        words = [
            "copy", *(name for name, wanted in options.items() if wanted), "--src-tls-verify=true",
            "--dest-tls-verify=true", "--src-authfile", self._access(source),
            "--dest-authfile", self._access(target), source.address, target.address,
        ]
        self._run(words, source, target)

    def _look(self, what: str, place: Place, *more: str) -> bytes:
        words = [
            "--command-timeout", f"{LOOK_SECONDS:.0f}s", "inspect", what, *more,
            "--tls-verify=true", "--authfile", self._access(place), place.address,
        ]
        return self._run(words, place, None)

    def _access(self, place: Place) -> str:
        """A file that only we may read, with what opens the registry of a place and no other."""
        known, auths = place.registry, {}
        if known is not None and known.user_name:
            pair = base64.b64encode(f"{known.user_name}:{known.password}".encode()).decode()
            auths[place.where] = {"auth": pair}
        path = self._folder / f"access-{secrets.token_hex(4)}.json"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump({"auths": auths}, file)
        return str(path)

    def _run(self, words: list[str], source: Place, target: Place | None) -> bytes:
        """What it prints, where it comes to a good end."""
        inside = {name: str(self._folder) for name in ("HOME", "XDG_RUNTIME_DIR", "TMPDIR")}
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        out, err = self._folder / "out", self._folder / "err"
        with out.open("wb") as stdout, err.open("wb") as stderr:
            try:
                process = subprocess.Popen(
                    [PROGRAM, *words], cwd=self._folder, env=kept | inside, stdout=stdout,
                    stderr=stderr, stdin=subprocess.DEVNULL, start_new_session=True,
                )
            except OSError as error:
                raise _missing(error) from None
        try:
            _bound_files(process.pid, self._limit)
            code = self._watch(process, source, target)
        finally:
            _end(process)
        if code == 0:
            with out.open("rb") as file:
                return file.read(ANSWER_BYTES)
        with err.open("rb") as file:
            said = file.read(SAID_BYTES).decode("utf-8", "replace")
        _log.info("%s %s: %s", PROGRAM, source.address, said)
        raise explained(said, source, target)

    def _watch(self, process: subprocess.Popen[bytes], source: Place, target: Place | None) -> int:
        """Its exit code; while it copies, tell how far it is."""
        sent, moved_at = 0, clock.monotonic()
        patience = SILENT_SECONDS if target else LOOK_SECONDS
        while True:
            with suppress(subprocess.TimeoutExpired):
                return process.wait(POLL_SECONDS)
            now = _written(process.pid)
            if now > sent:
                sent, moved_at = now, clock.monotonic()
            if clock.monotonic() - moved_at > patience:
                raise UpstreamTimeout(
                    N_("%(where)s did not answer in time."), where=(target or source).where
                )
            if sent > self._limit:
                raise Conflict(
                    N_("The image “%(name)s” is larger than the %(limit)s bytes that this site"
                       " takes."),
                    code="image_too_large", name=source.label or source.name, limit=self._limit,
                )
            if target:
                self._tell(sent)


def _written(pid: int) -> int:
    """The bytes that a process has written so far, to the network too; proc_pid_io(5)."""
    try:
        text = Path(f"/proc/{pid}/io").read_text()
    except OSError:
        return 0
    found = re.search(r"^wchar: (\d+)", text, re.MULTILINE)
    return int(found[1]) if found else 0


def _bound_files(pid: int, limit: int) -> None:
    """What it unpacks must not fill the site's disk."""
    with suppress(OSError):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, limit))


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it with all that it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


# --- what it says, in our words --------------------------------------------------------------

# The code of what it says in words that nobody here knows.
TROUBLE: Final = "registry_trouble"
# Words that it has for the side to which it copies.
AT_TARGET: Final = re.compile(r"destination|writing|upload|reuse blob", re.IGNORECASE)
NO_TRUST: Final = re.compile(r"x509:|certificate|HTTP response to HTTPS client", re.IGNORECASE)
NO_ROOM: Final = re.compile(r"no space left|file too large|disk quota", re.IGNORECASE)
NOT_LET_IN: Final = re.compile(
    r"unauthori[sz]ed|authentication required|denied|forbidden|username/password"
    r"|status(?: code)?:? 40[13]",
    re.IGNORECASE,
)
# Worth another try.
NOT_REACHED: Final = re.compile(
    r"connection re(?:fused|set)|no such host|time(?:d )?out|EOF|unreachable|no route|broken pipe"
    r"|TLS handshake|deadline exceeded|server misbehaving|too ?many ?requests|dial tcp"
    r"|status(?: code)?:? (?:429|5\d\d)",
    re.IGNORECASE,
)
NOT_THERE: Final = re.compile(
    r"(?:manifest|name|blob) unknown|not known to registry|not found|status(?: code)?:? 404",
    re.IGNORECASE,
)
SEVERAL: Final = re.compile(r"expected 1 item, got (?!0)")


def explained(said: str, source: Place, target: Place | None) -> Upstream | Conflict:
    """The error for what skopeo said when it gave up."""
    place = target if target is not None and AT_TARGET.search(said) else source
    words: dict[str, Any] = {"where": place.where}
    if NO_ROOM.search(said):
        return Upstream(N_("This site has no room to unpack the image."), code="disk_full")
    if NO_TRUST.search(said):
        return Upstream(
            N_("The registry %(where)s has no certificate that this site trusts."),
            retryable=False, code="registry_certificate", **words,
        )
    if NOT_LET_IN.search(said):
        return _not_let_in(place)
    if place.label and SEVERAL.search(said):
        return SeveralImages(
            N_("The archive “%(where)s” has several container images, and none of them is called"
               " “%(name)s”."),
            name=place.member, **words,
        )
    if place.label:
        return Conflict(
            N_("The archive “%(where)s” has no container image that can be read."),
            code="archive_broken", **words,
        )
    if NOT_REACHED.search(said):
        return Upstream(
            N_("The registry %(where)s cannot be reached."), code="registry_unreachable", **words
        )
    if NOT_THERE.search(said):
        return NoSuchImage(
            N_("The registry %(where)s has no image “%(name)s”."), name=place.name, **words
        )
    return Upstream(
        N_("The registry %(where)s did not go along; the log of this site has its words."),
        code=TROUBLE, **words,
    )


def _not_let_in(place: Place) -> Upstream:
    if place.registry is not None and place.registry.user_name:
        text = N_("The registry %(where)s does not accept the user name and the password that this"
                  " site has for it.")
    else:
        text = N_("The registry %(where)s wants a user name and a password, and this site has none"
                  " for it.")
    return Upstream(text, retryable=False, code="registry_login", where=place.where)


def _missing(error: OSError) -> Upstream:
    return Upstream(
        N_("This site cannot run “%(program)s”, which copies container images: %(said)s"),
        retryable=False, code="skopeo_missing", program=PROGRAM, said=error.strerror or str(error),
    )
