"""Every refusal of a bad package, at a running site: its own sentence, and nothing kept."""

from __future__ import annotations

import hashlib
import sqlite3

import pytest

from examples.packages import ENFORCED, FLAWS

pytestmark = pytest.mark.world


def kept(world):
    """Everything that an upload could leave behind at the center."""
    site = world.directory / "center"
    files = {
        str(path.relative_to(site)): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in ("packages", "tmp")
        for path in (site / folder).rglob("*")
        if path.is_file()
    }
    with sqlite3.connect(f"file:{site / 'db.sqlite3'}?mode=ro", uri=True) as database:
        rows = database.execute("select id from packages_package order by id").fetchall()
        refusals = database.execute(
            "select count(*) from journal_entry where verb = 'packages.package.refused'"
        ).fetchone()[0]
    return files, rows, refusals


def test_each_flaw_is_refused_with_its_own_sentence_and_leaves_nothing(world, tmp_path):
    tenant, sentences = world.center("tenant"), {}
    for code in sorted(set(FLAWS) - set(ENFORCED)):
        path = FLAWS[code](tmp_path / f"{code}.csar")
        files, rows, refusals = kept(world)
        with path.open("rb") as file:
            answer = tenant(
                "POST", "/apm/v1/tenants/{t}/packages/upload", files={"file": (path.name, file)}
            )
        assert answer.status_code in range(400, 500), (code, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        sentences[code] = answer.json()["detail"]
        assert kept(world) == (files, rows, refusals + 1), code
    assert len(set(sentences.values())) == len(sentences)
