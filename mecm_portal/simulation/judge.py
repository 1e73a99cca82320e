"""Judges what both sites have when all is at rest, from their databases alone."""

from __future__ import annotations

import json
import sqlite3
from typing import Any
from uuid import UUID

from mecm_portal.simulation import rows
from mecm_portal.simulation.deeds import TWIN
from mecm_portal.simulation.model import AT_EDGE, Order, Thing, Violation
from mecm_portal.simulation.watch import Watch
from mecm_portal.simulation.world import World

RUNS = ("Instantiated", "Instantiation failed", "Terminate failed")
# The rules of one that is to end are not changed any more.
IS_RULED = ("Instantiated", "Instantiation failed")
# What an edge need not know of.
NOT_ORDERED = ("Created", "Create failed")
# So long after its time nobody worked on an order: longer than any pause while all comes to rest.
NOBODY = "+950 seconds"
Shared = dict[str, rows.Rows]


def judge(world: World, watch: Watch) -> None:
    """Raises Violation with the first sentence that is not true."""
    center, edge = world.center.raw, world.edge.raw
    _nothing_waits(center)
    here, there = rows.shared(center, center=True), rows.shared(edge, center=False)
    lost = _lost(world, here)
    _compare(world, here, there, lost)
    names = rows.tenants(center)
    for key, name in rows.tenants(edge).items():
        if names.get(key) != name:
            raise Violation(f"the tenant {name} of the edge is {names.get(key)} at the center")
    _contested(world)
    _fields(world, here, there, lost)
    _things(world, watch, here, lost)
    _orders(world, watch, here, lost)
    _workloads(world, watch, there, lost)
    _ended_orders(world)


def _nothing_waits(center: sqlite3.Connection) -> None:
    """All of the edge was read and taken, but for what is lost."""
    waits = f"SELECT kind, code, reason FROM sync_heldrow WHERE NOT coalesce({rows.IS_LOST}, 0)"  # noqa: S608 - ours
    held = center.execute(waits).fetchone()
    if held:
        raise Violation(f"it is held for ever: {held}")
    peer = center.execute(
        "SELECT fault, copying FROM sync_peer WHERE fault <> '{}' OR copying IS NOT NULL"
    ).fetchone()
    if peer:
        raise Violation(f"the edge is not read to its end: {peer}")


def _lost(world: World, here: Shared) -> set[str]:
    """What was only at an edge that was set back; the center says so and cannot give it back."""
    lost_rows = f"SELECT subject_id FROM sync_heldrow WHERE {rows.IS_LOST}"  # noqa: S608 - ours
    held = world.center.raw.execute(lost_rows)
    lost = {key for (key,) in held}
    gone = {key for key in here["package"] if key in lost}
    lost |= {key for key in here["distribution"] if key.split()[0] in gone}
    lost |= {key for key, row in here["instance"].items() if row[1] in gone}
    return lost


def _compare(world: World, here: Shared, there: Shared, lost: set[str]) -> None:
    for kind, ours in here.items():
        theirs = there[kind]
        for key in sorted({*ours, *theirs}):
            one, other = ours.get(key), theirs.get(key)
            if kind == "instance" and other is None and one and one[4] in NOT_ORDERED:
                continue
            if kind == "distribution" and other is None and one == ("Error", 1):
                continue
            if kind == "package" and one is None and other and _is_ours(world, key):
                continue
            if kind == "rule" and _waits_for_its_instance(here, key):
                continue
            if one != other and key.split()[0] not in lost and key not in lost:
                raise Violation(f"{kind} {key} is {one} at the center and {other} at the edge")


def _is_ours(world: World, key: str) -> bool:
    """Whether the center has the file: an edge may keep one that failed at its host."""
    found = world.center.raw.execute(
        "SELECT 1 FROM packages_package WHERE id = ? AND has_file", [key]
    )
    return found.fetchone() is not None


def _waits_for_its_instance(here: Shared, key: str) -> bool:
    """Rules are handed over once their instance runs, and until it is to end."""
    instance = here["instance"].get(key.split()[0])
    return instance is not None and instance[4] not in IS_RULED


def _contested(world: World) -> None:
    """Nothing waits for a person who has done all they can: of what ends nobody can choose."""
    asked = (
        "SELECT contested FROM hosts_mechost WHERE contested <> '{}'",
        (
            "SELECT c.contested FROM rules_appdconfiguration c"
            " JOIN instances_appinstance i ON i.id = c.instance_id"
            " WHERE c.contested <> '{}' AND i.state NOT IN ('Terminating', 'Terminate failed')"
        ),
    )
    for sql in asked:
        if found := world.center.raw.execute(sql).fetchone():
            raise Violation(f"{found[0]} stays contested")


def _fields(world: World, here: Shared, there: Shared, lost: set[str]) -> None:
    for key in sorted(world.model.fields):
        bare = rows.bare(key[1])
        kind = "host" if key[0] == "host" else "instance"
        if bare not in here[kind] or bare not in there[kind] or bare in lost:
            continue
        value: Any
        if key[0] == "host":
            value = rows.values_of(world.center.raw, key)[0]
        else:
            row = here["rule"].get(f"{bare} {key[2]}")
            value = json.loads(row[0]) if row else None
        if wrong := world.model.wrong_with(key, value):
            raise Violation(wrong)


def _things(world: World, watch: Watch, here: Shared, lost: set[str]) -> None:
    for thing in world.model.things.values():
        key = " ".join(rows.bare(part) for part in thing.id.split())
        if thing.void or key in lost:
            continue
        # A package that is nowhere but at the center is there too.
        there = rows.has(world.center.raw, thing.kind, thing.id)
        if thing.removed and there and not _may_stay(world, watch, thing, key):
            raise Violation(f"{thing.kind} {thing.id} is there although it was removed")
        if not there and not thing.may_be_gone and not _may_be_gone(world, thing):
            raise Violation(f"{thing.kind} {thing.id} is gone and nobody removed it")


def _may_stay(world: World, watch: Watch, thing: Thing, key: str) -> bool:
    """A package that a host did not give up, and said why, or that the other site wanted there:
    itself or for an instance."""
    if thing.kind != "distribution":
        return False
    if ("distribution", key) in watch.failed or len(thing.wanted) > 1:
        return True
    users = (one.orders for one in world.model.things.values() if one.kind == "instance")
    return any(f"{order.package} {order.host}" == thing.id for some in users for order in some)


def _orders(world: World, watch: Watch, here: Shared, lost: set[str]) -> None:
    """What was to run runs, from the last package that was ordered, or it failed with a reason."""
    for thing in world.model.things.values():
        bare = rows.bare(thing.id) if thing.kind == "instance" else ""
        row = here["instance"].get(bare)
        if thing.void or row is None or bare in lost:
            continue
        valid = [one for one in thing.orders if not one.void]
        failed = {kind for kind, key in watch.failed if key == bare}
        if valid and row[4] == "Created" and not failed:
            raise Violation(f"the instance {thing.id} was ordered to run and is {row[4]}")
        packages = {rows.bare(one.package) for one in _last(valid)}
        packages |= {rows.bare(one.package) for one in thing.orders if one.void}
        if valid and row[1] not in packages and "upgrade" not in failed:
            raise Violation(f"the instance {thing.id} is of another package than was ordered last")


def _last(orders: list[Order]) -> list[Order]:
    """The last order of each site: which of them came last at the edge is not known here."""
    by_site = {one.site: one for one in orders}
    return list(by_site.values())


def _may_be_gone(world: World, thing: Thing) -> bool:
    """What stood on something that somebody removed goes with it."""
    if thing.kind != "distribution":
        return False
    package, host = thing.id.split()
    under = (world.model.things.get(key) for key in (("package", package), ("host", host)))
    return any(one is None or one.touched or one.void for one in under)


def _workloads(world: World, watch: Watch, there: Shared, lost: set[str]) -> None:
    with world.edge.inside():  # what is on its way out is gone by the clock there
        running, known = world.vim.present(), there["instance"]
    for key, workload in running.items():
        row = known.get(key.hex)
        if row is None and (key.hex in lost or _is_void(world, key)):
            # Its edge was set back, and nobody else knew enough of it to bring it back.
            continue
        if row is None and world.model.restores and workload.host_id.hex not in there["host"]:
            # It was on a host that was removed since: who did so had to look what was left there.
            continue
        if row is None or row[4] not in RUNS:
            raise Violation(f"{key} runs, and the edge has {row} of it")
        if row[0] != workload.tenant_id.hex:
            raise Violation(f"{key} runs for another tenant")
        if (
            row[1] != workload.package_id.hex and row[4] == "Instantiated"
            and not _is_forgotten(world, watch, key)
        ):
            raise Violation(f"{key} runs another package than the edge says")
    for bare, row in known.items():
        runs = UUID(bare) in running
        if row[4] == "Instantiated" and not runs and not _is_known_to_have_failed(world, bare):
            raise Violation(f"{bare} is Instantiated at the {AT_EDGE} and does not run")


def _is_forgotten(world: World, watch: Watch, key: UUID) -> bool:
    """Whether its edge was set back to before an upgrade, and the order failed or is forgotten:
    what runs at its host tells no driver which package it came from."""
    thing = world.model.things.get(("instance", str(key)))
    is_void = thing is not None and any(one.void for one in thing.orders)
    return bool(world.model.restores) and (is_void or ("upgrade", key.hex) in watch.failed)


def _is_void(world: World, key: UUID) -> bool:
    thing = world.model.things.get(("instance", str(key)))
    return thing is not None and thing.void


def _is_known_to_have_failed(world: World, bare: str) -> bool:
    """Whether what ended it, or was to replace it, is forgotten with a backup, and both sites say
    that it does not run."""
    if not world.model.restores:
        return False
    asked = "SELECT health FROM instances_appinstance WHERE id = ?"
    told = [site.raw.execute(asked, [bare]).fetchone() for site in world.sites]
    return all(row and row[0] == "Failed" for row in told)


def _ended_orders(world: World) -> None:
    """Each order was carried out or ended with its reason."""
    for site in world.sites:
        found = site.raw.execute(
            "SELECT kind, app_name, state FROM instances_lcmoperation"
            " WHERE state = 'Failed' AND reason IN ('{}', '')"
        ).fetchone()
        if found:
            raise Violation(f"{found} failed at the {site.name} without a reason")


def needless_failures(world: World) -> None:
    """No order failed for which all was there, or was on its way before it; raises Violation.

    One whose time was over may: the other site was away for so long.  It was not where it said that
    something is not there, unless nobody worked here from then on until it was too late.
    To be asked before people tidy up what has failed.
    """
    failed = (
        "SELECT o.reason, i.id, i.package_id, i.host_id FROM instances_lcmoperation o"
        " JOIN instances_appinstance i ON i.id = o.instance_id"
        " WHERE o.state = 'Failed' AND o.kind = 'instantiate' AND"
        " (o.finished_at < o.deadline OR (json_extract(o.reason, '$.code') = 'lost_there'"
        "   AND julianday(o.finished_at) < julianday(o.next_at, ?)))"
        " AND i.app_name <> ?"
        " UNION ALL SELECT fault, NULL, package_id, host_id"
        " FROM packages_distribution WHERE state = 'Error'"
    )
    for site in world.sites:
        for fault, instance, package, host in site.raw.execute(failed, [NOBODY, TWIN]):
            pair = f"{UUID(package)} {UUID(host)}"
            things = [("package", str(UUID(package))), ("host", str(UUID(host)))]
            things += [("distribution", pair), ("instance", str(UUID(instance or package)))]
            why = json.loads(fault or "{}")
            if any(map(world.model.is_touched, things)):
                continue
            raise Violation(f"an order of the {site.name} failed without need: {why}")
