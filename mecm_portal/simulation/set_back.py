"""A site is restored from a backup, and the model is told what was lost with what it did since."""

from __future__ import annotations

from typing import Any

from mecm_portal.simulation import rows
from mecm_portal.simulation.judge import RUNS
from mecm_portal.simulation.site import Backup, Site
from mecm_portal.simulation.world import World


def set_back(world: World, site: Site, backup: Backup) -> None:
    """Restore ``site`` and start it."""
    other = world.center if site is world.edge else world.edge

    def known(key: tuple[str, ...]) -> tuple[list[Any], list[Any]]:
        return rows.values_of(other.raw, key), rows.values_of(backup.data, key)

    def there(kind: str, key: str) -> tuple[bool, bool]:
        return rows.has(other.raw, kind, key), rows.has(backup.data, kind, key)

    # Later backups are of a history that is no more.
    kept = [one for one in world.backups[site.name] if one.number <= backup.number]
    world.backups[site.name] = kept
    world.model.set_back(site.name, backup.number, known, there)
    site.load(backup.data, backup.folder)
    site.restart()
    if site is world.edge:
        runs = f"SELECT id FROM instances_appinstance WHERE state IN {RUNS}"  # noqa: S608 - states of ours
        to_run = {key for (key,) in site.raw.execute(runs)}
        with site.inside():
            world.model.forgotten |= {
                str(key) for key in world.vim.present() if key.hex not in to_run
            }
