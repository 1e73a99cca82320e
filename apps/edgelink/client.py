"""One edge, as the center talks to it: typed calls over the link.  No models.

Every call can be repeated: the edge recognises by id what it has already.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import httpx

from apps.common import http
from apps.common.errors import Invalid
from apps.edgelink.link import EdgeLink
from apps.vim.image_lines import ImageLine, Snapshot
from apps.vim.resources import CloudResources, ResourceKind
from apps.vim.servers import Action, ServerDetails, body_of
from apps.vim.voices import LogPage, LogQuery, WorkloadEvent

V = TypeVar("V")
LCM, RULES = "/lcmcontroller/v1", "/apprulemgr/v1"
UPLOAD_SECONDS = 600.0
# An edge waits for a VIM that may not answer before it says so.
PATIENCE = httpx.Timeout(60.0, connect=http.CONNECT_SECONDS)
ROW = {"kind", "id", "version"}  # what every row of the feed has


class EdgeClient(EdgeLink):
    """What can be asked of an edge and ordered there."""

    # --- hosts ----------------------------------------------------------------------------------

    def put_host(self, host: dict[str, Any], *, based_on: int | None = None) -> int:
        """Give the edge the configuration of one of its hosts (fields of EdgeGallery's MecHost).

        ``based_on`` is the edge's version that is known here, 0 for none and None for whatever it
        is; returns the new one.
        """
        return _version_in(self._order("PUT", f"{LCM}/hosts", based_on=based_on, json=host))

    def remove_host(self, ip: str) -> None:
        """Let the edge forget a host; raises NotFound when it does not know it."""
        self._order("DELETE", f"{LCM}/hosts/{ip}")

    def put_credentials(self, ip: str, content: str, *, untested: bool = False) -> None:
        """Store the access file of a host at the edge, which tries it first and may refuse.

        ``untested`` lets the edge take it as it is.
        """
        self._order(
            "POST",
            f"{LCM}/configuration",
            data={"hostIp": ip} | ({"untested": "true"} if untested else {}),
            files={"configFile": ("config", content.encode())},
            timeout=PATIENCE,
        )

    def remove_credentials(self, ip: str) -> None:
        """Let the edge forget the access file of a host; raises NotFound when it has none."""
        self._order("DELETE", f"{LCM}/configuration", params={"hostIp": ip})

    # --- packages -------------------------------------------------------------------------------

    def upload_package(
        self, tenant_id: uuid.UUID, *, ids: dict[str, str], path: Path, filename: str
    ) -> None:
        """Stream a CSAR to the edge; a package that it has already is not stored twice.

        ``ids`` are the fields ``packageId``, ``appId`` and those that tell it from its like.
        """
        with path.open("rb") as file:
            self._order(
                "POST",
                f"{LCM}/tenants/{tenant_id}/packages",
                data=ids,
                files={"package": (filename, file, "application/zip")},
                timeout=httpx.Timeout(UPLOAD_SECONDS, connect=http.CONNECT_SECONDS),
            )

    def distribute(self, tenant_id: uuid.UUID, package_id: str, ip: str) -> None:
        """Order the edge to bring a package to one of its hosts."""
        self._order(
            "POST", f"{LCM}/tenants/{tenant_id}/packages/{package_id}", json={"hostIp": [ip]}
        )

    def package(self, tenant_id: uuid.UUID, package_id: str) -> dict[str, Any] | None:
        """The edge's record of a package with its state per host; None when it has none."""
        rows = self._read(list, f"{LCM}/tenants/{tenant_id}/packages/{package_id}")
        return rows[0] if rows else None

    def withdraw(self, tenant_id: uuid.UUID, package_id: str, ip: str) -> None:
        """Order the edge to take a package off a host; raises NotFound when it is not there."""
        self._order("DELETE", f"{LCM}/tenants/{tenant_id}/packages/{package_id}/hosts/{ip}")

    def remove_package(self, tenant_id: uuid.UUID, package_id: str) -> None:
        """Order the edge to forget a package; raises NotFound when it does not have it."""
        self._order("DELETE", f"{LCM}/tenants/{tenant_id}/packages/{package_id}")

    # --- instances ------------------------------------------------------------------------------

    def instantiate(
        self, tenant_id: uuid.UUID, instance_id: uuid.UUID, order: dict[str, Any]
    ) -> None:
        """Order an instance; one that the edge works on already is left to it."""
        self._order(
            "POST", f"{LCM}/tenants/{tenant_id}/app_instances/{instance_id}/instantiate", json=order
        )

    def upgrade(self, tenant_id: uuid.UUID, instance_id: uuid.UUID, order: dict[str, Any]) -> None:
        """Order another version of an instance; one that the edge works on is left to it."""
        self._order(
            "POST", f"{LCM}/tenants/{tenant_id}/app_instances/{instance_id}/upgrade", json=order
        )

    def terminate(self, tenant_id: uuid.UUID, instance_id: uuid.UUID) -> None:
        """Order the end of an instance; raises NotFound when the edge has none of it."""
        self._order("POST", f"{LCM}/tenants/{tenant_id}/app_instances/{instance_id}/terminate")

    def instance(self, tenant_id: uuid.UUID, instance_id: uuid.UUID) -> dict[str, Any]:
        """The edge's record of an instance; raises NotFound."""
        url = f"{LCM}/tenants/{tenant_id}/app_instances/{instance_id}/record"
        found: dict[str, Any] = self._read(dict, url)
        return found

    # --- rules ----------------------------------------------------------------------------------

    def put_rules(
        self,
        tenant_id: uuid.UUID,
        instance_id: uuid.UUID,
        configuration: dict[str, Any],
        *,
        based_on: int | None = None,
    ) -> int:
        """Make these the rules of an instance there; returns the edge's version of them.

        ``based_on`` is the version that is known here, 0 for none and None for whatever it is.
        """
        url = f"{RULES}/tenants/{tenant_id}/app_instances/{instance_id}/appd_configuration"
        return _version_in(self._order("PUT", url, based_on=based_on, json=configuration))

    def remove_rules(
        self, tenant_id: uuid.UUID, instance_id: uuid.UUID, *, based_on: int | None = None
    ) -> None:
        """Take all rules of an instance away there; raises NotFound when it has none."""
        url = f"{RULES}/tenants/{tenant_id}/app_instances/{instance_id}/appd_configuration"
        self._order("DELETE", url, based_on=based_on)

    # --- what is asked there --------------------------------------------------------------------

    def kpi(self, ip: str) -> dict[str, Any]:
        """The load of one of the edge's hosts as the edge measures it; raises NotFound."""
        found: dict[str, Any] = self._read(dict, f"{LCM}/hosts/{ip}/kpi")
        return found

    def kpi_series(self, ip: str) -> dict[str, Any]:
        """The load of one of the edge's hosts over time; raises NotFound."""
        found: dict[str, Any] = self._read(dict, f"{LCM}/hosts/{ip}/kpi/series")
        return found

    def instance_usage(self, tenant_id: uuid.UUID, instance_id: uuid.UUID) -> dict[str, Any]:
        """The load of an instance there over time; raises NotFound."""
        url = f"{LCM}/tenants/{tenant_id}/app_instances/{instance_id}/workload/usage"
        found: dict[str, Any] = self._read(dict, url)
        return found

    def mep_capabilities(self, ip: str) -> list[dict[str, Any]]:
        """The services of the edge's MEC platform, as its capabilities."""
        found: list[dict[str, Any]] = self._read(list, f"{LCM}/hosts/{ip}/mep_capabilities")
        return found

    def mep_capability(self, ip: str, capability_id: str) -> dict[str, Any]:
        """One of them; raises NotFound."""
        url = f"{LCM}/hosts/{ip}/mep_capabilities/{capability_id}"
        found: dict[str, Any] = self._read(dict, url)
        return found

    def workload_events(
        self, tenant_id: uuid.UUID, instance_id: uuid.UUID
    ) -> tuple[WorkloadEvent, ...]:
        """What happened to an instance's objects there; raises NotFound."""
        url = f"{LCM}/tenants/{tenant_id}/app_instances/{instance_id}/workload/events"
        rows = self._read(dict, url).get("events")
        try:
            return tuple(
                WorkloadEvent.from_json(
                    {**row, "first_at": row.get("firstAt"), "last_at": row.get("lastAt")}
                )
                for row in rows or ()
            )
        except (Invalid, TypeError, AttributeError):
            raise self._stranger(retryable=True) from None

    def workload_log(
        self,
        tenant_id: uuid.UUID,
        instance_id: uuid.UUID,
        query: LogQuery,
        *,
        follow: float = 0,
    ) -> LogPage:
        """One page of a log there, held for at most ``follow`` seconds; raises NotFound.

        Conflict while the container has not started.
        """
        url = f"{LCM}/tenants/{tenant_id}/app_instances/{instance_id}/workload/logs"
        asked: dict[str, Any] = {"pod": query.pod, "tail": query.tail, "follow": follow}
        asked |= {"container": query.container, "after": query.after}
        asked |= {"previous": "true"} if query.previous else {}
        asked |= {"since": query.since.isoformat()} if query.since else {}
        patience = httpx.Timeout(http.READ_SECONDS + follow, connect=http.CONNECT_SECONDS)
        return self._value(LogPage.from_json, url, params=asked, timeout=patience)

    # --- servers --------------------------------------------------------------------------------

    def server(
        self, tenant_id: uuid.UUID, instance_id: uuid.UUID, server_id: str
    ) -> ServerDetails:
        """One server of an instance there; raises NotFound."""
        url = _server_url(tenant_id, instance_id, server_id)
        return self._value(ServerDetails.from_json, url)

    def act(
        self, tenant_id: uuid.UUID, instance_id: uuid.UUID, server_id: str, action: Action
    ) -> None:
        """Order an action on a server there; Conflict while its state does not allow it."""
        self._at_server(tenant_id, instance_id, server_id, action)

    def screen(self, tenant_id: uuid.UUID, instance_id: uuid.UUID, server_id: str) -> str:
        """A new link to the screen of a server there."""
        answer = self._at_server(tenant_id, instance_id, server_id, Action.CONSOLE)
        try:
            url = answer.json()["url"]
        except (KeyError, TypeError, ValueError):
            url = None
        if not isinstance(url, str):
            raise self._stranger(retryable=False)
        return url

    def resources(self, ip: str, kind: ResourceKind) -> CloudResources:
        """What the cloud of one of the edge's hosts has of a kind; raises NotFound."""
        read = partial(CloudResources.from_json, kind)
        return self._value(read, f"{LCM}/hosts/{ip}/resources", params={"kind": str(kind)})

    # --- images ---------------------------------------------------------------------------------

    def host_images(self, ip: str) -> list[ImageLine]:
        """All images at one of the edge's hosts that the actor may see; raises NotFound."""
        return self._values(ImageLine.from_json, images_of_host(ip), timeout=PATIENCE)

    def snapshots(self, at: str) -> list[Snapshot]:
        """Those of an instance; ``at`` is what ``images_of_instance`` makes.  Raises NotFound."""
        return self._values(Snapshot.from_json, at)

    def snapshot(self, at: str, image_id: uuid.UUID) -> Snapshot:
        """One of an instance, or of a host (``images_of_host``); raises NotFound."""
        return self._value(Snapshot.from_json, f"{at}/{image_id}")

    def take_snapshot(self, at: str, server_id: str) -> str:
        """Order an image of a server of an instance there; the edge's id of it."""
        answer = self._order("POST", at, json={"vmId": server_id}, timeout=PATIENCE)
        try:
            return str(uuid.UUID(answer.json()["imageId"]))
        except (AttributeError, KeyError, TypeError, ValueError):
            raise self._stranger(retryable=False) from None

    def remove_image(self, at: str, image_id: uuid.UUID) -> None:
        """Order the end of a snapshot there; raises NotFound when there is none."""
        self._order("DELETE", f"{at}/{image_id}")

    def image_bytes(self, at: str, found: Snapshot, *, start: int, length: int) -> bytes:
        """A part of a snapshot; Upstream where the edge sends anything else than just that."""
        answer = self._send(
            "GET", f"{at}/{found.id}/file",
            extra={"Range": f"bytes={start}-{start + length - 1}", "Accept-Encoding": "identity"},
            timeout=PATIENCE,
        )
        is_it = answer.headers.get("ETag") == f'"{found.checksum}"'
        if answer.status_code != httpx.codes.PARTIAL_CONTENT or not is_it:
            raise self._stranger(retryable=True)
        if len(answer.content) != length:
            raise self._stranger(retryable=True)
        return answer.content

    def _at_server(
        self, tenant_id: uuid.UUID, instance_id: uuid.UUID, server_id: str, action: Action
    ) -> httpx.Response:
        return self._order(
            "POST",
            _server_url(tenant_id, instance_id, server_id),
            json=body_of(action),
            timeout=PATIENCE,
        )

    def _value(self, read: Callable[[dict[str, Any]], V], url: str, **options: Any) -> V:
        """What ``read`` makes of the edge's answer; Upstream where it makes nothing of it."""
        told: dict[str, Any] = self._read(dict, url, **options)
        try:
            return read(told)
        except Invalid:
            raise self._stranger(retryable=True) from None

    def _values(self, read: Callable[[dict[str, Any]], V], url: str, **options: Any) -> list[V]:
        """The same for a list."""
        told: list[dict[str, Any]] = self._read(list, url, **options)
        try:
            return [read(one) for one in told]
        except Invalid:
            raise self._stranger(retryable=True) from None

    # --- feed -----------------------------------------------------------------------------------

    def changes(self, *, after: int, limit: int, mark: uuid.UUID | None = None) -> dict[str, Any]:
        """One page of the edge's feed: what has a version greater than ``after``.

        ``mark`` is the last mark of the edge's history that was read; Conflict ``forked`` when the
        edge has another history now.
        """
        asked = {"after": after, "limit": limit} | ({"mark": str(mark)} if mark else {})
        page = self._rows("/sync/v1/changes", asked)
        if not isinstance(page.get("upto"), int) or "more" not in page:
            raise self._stranger(retryable=True)
        return page

    def copy(self, *, kind: str, after: str, limit: int) -> dict[str, Any]:
        """One page of a full copy: rows of one kind whose id is greater than ``after``."""
        page = self._rows("/sync/v1/copy", {"kind": kind, "after": after, "limit": limit})
        if not isinstance(page.get("newest"), int) or "next" not in page:
            raise self._stranger(retryable=True)
        return page

    def digest(self) -> dict[str, Any]:
        """How many rows of each kind the edge has, and a digest of their ids and versions."""
        found: dict[str, Any] = self._read(dict, "/sync/v1/digest")
        return found

    def acknowledge(self, *, upto: int, refused: list[dict[str, Any]]) -> None:
        """Tell the edge that everything up to a version is here for good, and what waits of it."""
        self._send("POST", "/sync/v1/ack", json={"upto": upto, "refused": refused})

    def _rows(self, url: str, asked: dict[str, Any]) -> dict[str, Any]:
        page: dict[str, Any] = self._read(dict, url, params=asked)
        rows = page.get("rows")
        if not isinstance(rows, list) or len(rows) > asked["limit"]:
            raise self._stranger(retryable=True)
        if not all(isinstance(row, dict) and row.keys() >= ROW for row in rows):
            raise self._stranger(retryable=True)
        return page

    def tell_key(self, statement: str) -> None:
        """Tell the edge our new key, in a statement that is signed with an old one."""
        self._send("PUT", "/sync/v1/keys", json={"statement": statement})


def images_of_instance(tenant_id: uuid.UUID, instance_id: uuid.UUID) -> str:
    """Where an edge has the images of an instance's servers."""
    return f"{LCM}/tenants/{tenant_id}/app_instances/{instance_id}/images"


def images_of_host(ip: str) -> str:
    """Where an edge has all images of one of its hosts."""
    return f"{LCM}/hosts/{ip}/images"


def _server_url(tenant_id: uuid.UUID, instance_id: uuid.UUID, server_id: str) -> str:
    return f"{LCM}/tenants/{tenant_id}/app_instances/{instance_id}/servers/{server_id}"


def _version_in(response: httpx.Response) -> int:
    """The version that the edge tells as ETag; 0 from one that does not."""
    text = response.headers.get("ETag", "").strip('"')
    return int(text) if text.isdecimal() else 0
