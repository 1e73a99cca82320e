"""The manifest: a line parser for its circulating forms, and the verification of its digests.

It is no YAML: keys stand unindented under ``metadata:``, blocks repeat, and a CMS signature may
follow (ETSI NFV-SOL 004 V2.7.1 clause 4.3.2).  The signature is noted, not verified.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Final, Literal

from django.utils.translation import gettext_noop as N_

from apps.packages.csar.checks import Report
from apps.packages.csar.info import Digest, Manifest
from apps.packages.csar.refusals import refuse
from apps.packages.csar.texts import unquoted

ALGORITHMS: Final = {"sha256": "sha256", "sha384": "sha384", "sha512": "sha512"}
BEGIN_SIGNATURE: Final = "-----BEGIN "
END_SIGNATURE: Final = "-----END "
DIGEST_KEYS: Final = ("source", "algorithm", "hash")
MAX_DIGESTS: Final = 4096


def parse_manifest(text: str, *, path: str) -> Manifest:
    """Metadata and digest blocks of a .mf file; later values of a repeated metadata key lose."""
    metadata: dict[str, str] = {}
    blocks: list[dict[str, str]] = []
    signed = inside = False
    for line in text.splitlines():
        if line.startswith(BEGIN_SIGNATURE):
            signed = inside = True
        if not inside:
            _take_line(line, metadata, blocks)
        if line.startswith(END_SIGNATURE):
            inside = False
    digests = tuple(
        Digest(block["source"], block.get("algorithm", ""), block.get("hash", ""))
        for block in blocks[:MAX_DIGESTS]
    )
    return Manifest(path, metadata, digests, signed)


def _take_line(line: str, metadata: dict[str, str], blocks: list[dict[str, str]]) -> None:
    key, colon, value = line.strip().removeprefix("- ").partition(":")
    key, value = key.strip(), unquoted(value.strip())
    if not colon or key.startswith("#") or not key:
        return
    folded = key.casefold()
    if folded == "source":
        blocks.append({"source": value})
    elif folded in DIGEST_KEYS:
        if blocks:
            blocks[-1].setdefault(folded, value)
    elif folded != "metadata":
        metadata.setdefault(folded, value)


class DigestCheck:
    """Verifies a manifest against the files of a package, under the policy warn or enforce.

    ``known`` maps each path below the top folder to its SHA-256; ``compute`` answers the digest of
    a path under another algorithm.
    """

    def __init__(
        self,
        known: dict[str, str],
        compute: Callable[[str, str], str],
        policy: Literal["warn", "enforce"],
        report: Report,
    ) -> None:
        self._known = known
        # Cached, or a manifest of many equal lines would cost a pass over the file for each.
        self._compute = cache(compute)
        self._enforced = policy == "enforce"
        self._report = report

    def verify(self, manifest: Manifest, deployable: list[str]) -> Manifest:
        """The manifest with a result for each digest; ``deployable`` files should be covered."""
        verified = tuple(self._one(digest) for digest in manifest.digests)
        if not verified:
            if self._enforced:
                refuse("digest_none", manifest.path)
            self._report.warning(
                "digest_none",
                N_("The manifest lists no digest; nothing could be verified."),
                manifest.path,
            )
        else:
            self._check_cover({digest.source for digest in verified}, deployable)
        self._check_constant(verified, manifest.path)
        if manifest.has_signature:
            self._report.info(
                "signature_present",
                N_("The manifest carries a signature; it was noted and not verified."),
                manifest.path,
            )
        return replace(manifest, digests=verified)

    def _one(self, digest: Digest) -> Digest:
        algorithm = ALGORITHMS.get(digest.algorithm.casefold().replace("-", "").replace("_", ""))
        source = digest.source.removeprefix("./")
        if source not in self._known:
            return self._missing(digest)
        if algorithm is None:
            return self._unknown(digest)
        found = self._known[source] if algorithm == "sha256" else self._compute(source, algorithm)
        if found == digest.expected.strip().casefold():
            self._report.ok("digest_match", N_("The digest of “%(path)s” is right."), digest.source)
            return replace(digest, found=found, result="match")
        if self._enforced:
            refuse("digest_mismatch", digest.source, expected=digest.expected, found=found)
        self._report.warning(
            "digest_mismatch",
            N_(
                "The digest of “%(path)s” is wrong: the manifest states %(expected)s, and the file "
                "has %(found)s."
            ),
            digest.source,
            expected=_short(digest.expected),
            found=_short(found),
        )
        return replace(digest, found=found, result="mismatch")

    def _missing(self, digest: Digest) -> Digest:
        if self._enforced:
            refuse("digest_missing_file", digest.source)
        self._report.warning(
            "digest_missing_file",
            N_("The manifest lists “%(path)s”, and the package does not have it."),
            digest.source,
        )
        return replace(digest, result="missing")

    def _unknown(self, digest: Digest) -> Digest:
        if self._enforced:
            refuse("digest_algorithm", digest.source, algorithm=digest.algorithm)
        self._report.warning(
            "digest_algorithm",
            N_(
                "The digest of “%(path)s” uses the algorithm “%(algorithm)s” and was not verified; "
                "SHA-256, SHA-384 and SHA-512 are."
            ),
            digest.source,
            algorithm=digest.algorithm,
        )
        return replace(digest, result="unknown_algorithm")

    def _check_cover(self, covered: set[str], deployable: list[str]) -> None:
        plain = {source.removeprefix("./") for source in covered}
        open_files = [path for path in deployable if path not in plain]
        if open_files and self._enforced:
            refuse("digest_uncovered", open_files[0])
        if open_files:
            self._report.info(
                "digest_uncovered",
                N_("Files that are deployed and have no digest in the manifest: %(files)s."),
                files=", ".join(open_files[:8]),
            )

    def _check_constant(self, digests: tuple[Digest, ...], path: str) -> None:
        wrong = {digest.expected for digest in digests if digest.result == "mismatch"}
        sources = {digest.source for digest in digests}
        if len(sources) > 1 and len({digest.expected for digest in digests}) == 1 and wrong:
            self._report.info(
                "digest_constant",
                N_("All digests of the manifest are one constant; it was never computed."),
                path,
            )


def _short(digest: str) -> str:
    """Enough of a digest to compare by eye; the manifest's data has the whole."""
    return digest if len(digest) <= 12 else f"{digest[:12]}…"
