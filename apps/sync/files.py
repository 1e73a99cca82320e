"""The feed as a signed file, for a site that no link reaches: carried by hand, read like a link.

JSON lines: a head, one line per row, and a tail with the signature (Ed25519, RFC 8032) over the
SHA-256 of all that stands before it.  A file holds a full copy, so that it depends on no other;
read twice, or after a newer one, it brings nothing.  What a center has is carried back as a
receipt, so that the edge knows what does not wait any more.
"""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import Conflict, Denied, Invalid
from apps.common.models import current_version
from apps.hosts.models import AppLcm
from apps.sync import acks, feed, timeline
from apps.sync.kinds import NAMES
from apps.sync.models import HeldRow
from apps.tenants.keys import active_key, own_key, this_site, trust

FEED, RECEIPT = "mecm-feed/2", "mecm-receipt/1"
MOST_BYTES = 1024 * 1024 * 1024
PAGE = 500
Document = dict[str, Any]


def export_feed(path: Path) -> int:
    """Write a full copy of this site's feed; returns the number of rows."""
    # One moment for all of it: what is committed while it is written waits for the next file.
    with transaction.atomic():
        head = _head(FEED) | {"newest": current_version(), "marks": timeline.marks()}
        return _write(path, head, _rows())


def export_receipt(edge: AppLcm, path: Path) -> None:
    """Write how much of an edge's feed is here; Conflict while nothing was ever read."""
    if edge.site_id is None:
        raise Conflict(N_("“%(name)s” never showed who it is."), name=edge.name)
    held = HeldRow.objects.filter(edge=edge).order_by("id")[:PAGE]
    refused = [
        {"kind": row.kind, "id": str(row.subject_id), "version": row.version, "reason": row.reason}
        for row in held
    ]
    head = _head(RECEIPT) | {"for": str(edge.site_id), "upto": edge.cursor, "refused": refused}
    _write(path, head, iter(()))


def read(path: Path, *, trusted: str = "") -> tuple[Document, list[Document]]:
    """The head and the rows of a file whose signature is believed.

    ``trusted`` is the fingerprint of a key that whoever reads the file vouches for.  Raises Invalid
    for what is no such file, Denied for one that nobody known has signed.
    """
    if path.stat().st_size > MOST_BYTES:
        raise Invalid(N_("The file is larger than any that is written here."), code="too_large")
    lines = path.read_bytes().splitlines(keepends=True)
    try:
        head, *rows, tail = (json.loads(line) for line in lines)
        signature = base64.b64decode(tail["signature"], validate=True)
        known = head["format"] in (FEED, RECEIPT) and tail["rows"] == len(rows)
    except (ValueError, KeyError, TypeError):
        raise _unreadable() from None
    if not known:
        raise _unreadable()
    digest = hashlib.sha256(b"".join(lines[:-1])).digest()
    _check_signature(head, digest, signature, trusted)
    return head, rows


class FileFeed:
    """A file of an edge, read as its link would be."""

    def __init__(self, head: Document, rows: list[Document]) -> None:
        self.newest, self.marks = int(head["newest"]), head["marks"]
        self._living: dict[str, list[Document]] = defaultdict(list)
        self._dead: list[Document] = []
        for row in rows:
            (self._dead if "gone" in row else self._living[row["kind"]]).append(row)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held open."""

    def is_older_than(self, upto: int, known: list[str]) -> bool:
        """Whether everything in it was read already, ``upto`` a newer version of this history."""
        mine = self.marks[-1][1] if self.marks else ""
        return self.newest < upto and mine in known

    def changes(self, *, after: int, limit: int, mark: uuid.UUID | str | None = None) -> Document:
        """What is newer than ``after``, all at once; Conflict ``forked`` as the edge would say."""
        is_lost = any(int(since) <= after < int(at) for since, _, at in self.marks)
        if mark and after and (is_lost or self._mark_at(after) != str(mark)):
            forked = Conflict(N_("This file is of another history of the edge."), code="forked")
            forked.answer = {"type": "urn:mecm:problem:forked", "marks": self.marks}
            raise forked
        rows = [row for found in self._living.values() for row in found] + self._dead
        upto = max(self.newest, after)
        return {
            "rows": [row for row in rows if int(row["version"]) > after],
            "upto": upto,
            "mark": self._mark_at(upto),
            "marks": self.marks,
            "more": False,
            "left": 0,
            "newest": self.newest,
        }

    def copy(self, *, kind: str, after: str, limit: int) -> Document:
        """All rows of a kind."""
        rows = self._dead if kind == feed.DEAD else self._living[kind]
        following = feed.COPIED[feed.COPIED.index(kind) + 1 :][:1]
        return {
            "rows": rows,
            "next": [following[0], ""] if following else None,
            "newest": self.newest,
            "mark": self._mark_at(self.newest),
            "marks": self.marks,
        }

    def digest(self) -> Document:
        """Of the rows in the file."""
        kinds = {
            kind: feed.digest_of(
                (kind, uuid.UUID(row["id"]), int(row["version"])) for row in self._living[kind]
            )
            for kind in NAMES
        }
        return {"newest": self.newest, "kinds": kinds}

    def acknowledge(self, *, upto: int, refused: list[Document]) -> None:
        """Nobody is there to hear it: a receipt is carried back instead."""

    def _mark_at(self, version: int) -> str | None:
        passed = [mark for _, mark, at in self.marks if int(at) <= version]
        return str(passed[-1]) if passed else None


def take_receipt(head: Document) -> int:
    """Acknowledge what a center's receipt says; returns up to where it has everything."""
    if head["for"] != str(this_site().site_id):
        raise Invalid(N_("The receipt is for another site."), code="not_ours")
    reader = acks.reader_of(uuid.UUID(head["site_id"]), name=str(head["site_name"]))
    named = [acks.Named.from_json(row) for row in head["refused"]]
    return acks.acknowledge(reader, upto=int(head["upto"]), refused=named).acked


def _rows() -> Iterator[Document]:
    at: list[str] | None = [feed.COPIED[0], ""]
    while at:
        page = feed.copy_page(kind=at[0], after=at[1], limit=PAGE)
        yield from page["rows"]
        at = page["next"]


def _head(kind: str) -> Document:
    site, key = this_site(), own_key()
    return {
        "format": kind,
        "site_id": str(site.site_id),
        "site_name": site.name,
        "as_of": clock.now().isoformat(),
        "kid": key.kid,
        "public_key": key.public_key,
    }


def _write(path: Path, head: Document, rows: Iterator[Document]) -> int:
    """Write next to the place and move there, so that no half file is ever carried away."""
    digest, count = hashlib.sha256(), 0
    partial = path.with_name(f"{path.name}.part")
    with partial.open("wb") as file:
        for document in (head, *rows) if head["format"] == RECEIPT else _chain(head, rows):
            line = json.dumps(document, default=str, ensure_ascii=False).encode() + b"\n"
            digest.update(line)
            file.write(line)
            count += 1
        private = serialization.load_pem_private_key(
            own_key().private_key.reveal().encode(), password=None
        )
        assert isinstance(private, Ed25519PrivateKey)  # noqa: S101 - the only kind that we make
        signature = base64.b64encode(private.sign(digest.digest())).decode()
        file.write(json.dumps({"rows": count - 1, "signature": signature}).encode() + b"\n")
    partial.replace(path)
    return count - 1


def _chain(head: Document, rows: Iterator[Document]) -> Iterator[Document]:
    yield head
    yield from rows


def _check_signature(head: Document, digest: bytes, signature: bytes, trusted: str) -> None:
    key = active_key(str(head["kid"]))
    if key is None and trusted and head["format"] == FEED:
        key = _vouched(head, trusted)
    if key is None or str(key.site_id) != head["site_id"]:
        raise Denied(
            N_("Nobody who is known here has signed this file (its key is %(kid)s)."),
            code="not_signed",
            kid=str(head["kid"]),
        )
    public = serialization.load_pem_public_key(key.public_key.encode())
    assert isinstance(public, Ed25519PublicKey)  # noqa: S101 - the only kind that is trusted
    try:
        public.verify(signature, digest)
    except InvalidSignature:
        raise Denied(N_("The file was changed after it was signed."), code="changed") from None


def _vouched(head: Document, trusted: str) -> Any:
    """The key in the file itself, where its fingerprint is the one that somebody vouches for."""
    public = str(head["public_key"])
    fingerprint = hashlib.sha256(public.encode()).hexdigest()[:32]
    if fingerprint != trusted or trusted != head["kid"]:
        return None
    return trust(
        kid=fingerprint,
        site_id=uuid.UUID(head["site_id"]),
        site_name=str(head["site_name"]),
        public_key=public,
    )


def _unreadable() -> Invalid:
    return Invalid(N_("This is no file of a feed, or it is cut off."), code="unreadable")
