"""Reads the rows of a site as they lie in its database, without the site's own code."""

from __future__ import annotations

import json
import sqlite3
import uuid
from typing import Any

Rows = dict[str, tuple[Any, ...]]

_HOST = (
    "id, ip, name, zip_code, city, address, affinity, user_name, coordinates, vim,"
    " hw_capabilities, region, tags,"
    " coalesce(json_extract(driver_settings, '$.registry_address'), ''),"
    " reachable, vim_kind, simulated"
)
_SHARED = {
    "host": f"SELECT {_HOST} FROM hosts_mechost WHERE {{here}}",  # noqa: S608 - our own columns
    "package": "SELECT id, tenant_id, app_id, name, package_version, sha256, size, app_class"
    " FROM packages_package WHERE {package}",
    "distribution": "SELECT d.package_id || ' ' || d.host_id, d.state,"
    " d.state = 'Error' AND d.fault <> '{{}}'"
    " FROM packages_distribution d"
    " JOIN hosts_mechost h ON h.id = d.host_id WHERE {here}",
    "instance": "SELECT i.id, i.tenant_id, i.package_id, i.host_id, i.app_name, i.state"
    " FROM instances_appinstance i JOIN hosts_mechost h ON h.id = i.host_id WHERE {here}",
    "rule": "SELECT c.instance_id || ' ' || r.kind || '/' || r.rule_id, r.body, c.tenant_id"
    " FROM rules_appdrule r JOIN rules_appdconfiguration c ON c.id = r.configuration_id",
    "service": "SELECT s.id, s.ser_name, s.state, s.transport, a.id, a.name, a.tenant_id"
    " FROM mep_mecservice s JOIN mep_application a ON a.id = s.application_id WHERE {site}",
}
_CENTER = {
    "here": "applcm_id IS NOT NULL",
    "site": "a.site_id IS NOT NULL",
    "package": "has_file = 0"
    " OR id IN (SELECT package_id FROM packages_distribution WHERE state <> 'Error')",
}
_EDGE = {"here": "applcm_id IS NULL", "site": "a.site_id IS NULL", "package": "1 = 1"}


def shared(raw: sqlite3.Connection, *, center: bool) -> dict[str, Rows]:
    """By kind and id, what both sites must have alike."""
    words = _CENTER if center else _EDGE
    return {
        kind: {row[0]: tuple(row[1:]) for row in raw.execute(sql.format(**words))}
        for kind, sql in _SHARED.items()
    }


def tenants(raw: sqlite3.Connection) -> dict[str, str]:
    """The names of the tenants by id."""
    return dict(raw.execute("SELECT id, name FROM tenants_tenant").fetchall())


def owners(raw: sqlite3.Connection) -> dict[tuple[str, str], str]:
    """Whose each row of a tenant is."""
    found: dict[tuple[str, str], str] = {}
    for table in ("packages_package", "instances_appinstance", "rules_appdconfiguration"):
        for key, tenant in raw.execute(f"SELECT id, tenant_id FROM {table}"):  # noqa: S608
            found[table, key] = tenant
    return found


_ONE = {
    "host": "hosts_mechost WHERE id = ?",
    "package": "packages_package WHERE id = ?",
    "distribution": "packages_distribution WHERE package_id = ? AND host_id = ?",
    "instance": "instances_appinstance WHERE id = ?",
}


def has(raw: sqlite3.Connection, kind: str, key: str) -> bool:
    """Whether a site has a thing, also one that the other need not have."""
    found = raw.execute(f"SELECT 1 FROM {_ONE[kind]}", [bare(part) for part in key.split()])  # noqa: S608
    return found.fetchone() is not None


# What was only at an edge that was set back, as the center says of a row that it holds.
IS_LOST = "(code = 'lost' AND json_extract(reason, '$.code') = 'no_file')"


def failed(raw: sqlite3.Connection) -> list[tuple[str, str]]:
    """What has failed for good with its reason, or was cancelled."""
    return raw.execute(
        "SELECT kind, instance_id FROM instances_lcmoperation"
        " WHERE state IN ('Failed', 'Cancelled')"
        " UNION SELECT 'distribution', replace(json_extract(data, '$.package_id') || ' '"
        " || json_extract(data, '$.host_id'), '-', '') FROM journal_entry"
        " WHERE verb = 'packages.distribution.failed'"
        " UNION SELECT 'held', subject_id FROM sync_heldrow"
        " WHERE gone AND reason <> '{}'"
        " OR code = 'ended_before' AND json_extract(reason, '$.code') NOT IN ('', code)"
        " UNION SELECT 'host', id FROM hosts_mechost WHERE delivery_fault <> '{}'"
    ).fetchall()


def values_of(raw: sqlite3.Connection, key: tuple[str, ...]) -> list[Any]:
    """The values of a field that a site knows of: its own and, where both differ, the others."""
    kind, thing, name = key
    if kind == "host":
        return _host_values(raw, thing, name)
    row = raw.execute(
        "SELECT id, agreed, contested FROM rules_appdconfiguration WHERE instance_id = ?",
        [bare(thing)],
    ).fetchone()
    if row is None:
        # Of rules of an instance that it does not have, a site knows nothing.
        there = raw.execute("SELECT 1 FROM instances_appinstance WHERE id = ?", [bare(thing)])
        return [None] if there.fetchone() else []
    body = raw.execute(
        "SELECT body FROM rules_appdrule WHERE configuration_id = ? AND kind || '/' || rule_id = ?",
        [row[0], name],
    ).fetchone()
    return [json.loads(body[0]) if body else None, *_told(row[1], row[2], name)]


def _host_values(raw: sqlite3.Connection, thing: str, name: str) -> list[Any]:
    row = raw.execute(
        f"SELECT {name}, agreed, contested FROM hosts_mechost WHERE id = ?",  # noqa: S608
        [bare(thing)],
    ).fetchone()
    if row is None:
        return []
    if name != "driver_settings":
        return [row[0], *_told(row[1], row[2], name)]
    told = [json.loads(row[0]), *_told(row[1], row[2], name)]
    return [one.get("registry_address", "") for one in told if one is not None]


def _told(agreed: str, contested: str, name: str) -> list[Any]:
    known = json.loads(agreed)
    found = [known[name]] if name in known else []
    return [*found, *json.loads(contested).get(name, {}).values()]


def bare(key: str) -> str:
    """An id as the database has it."""
    return uuid.UUID(key).hex
