"""``/apm/v1/apps/…``: what application stores offer, and fetching it from them."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_noop as N_
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import Invalid, NotFound
from apps.common.fields import HEX32
from apps.common.pagination import page
from apps.common.strict import Text
from apps.common.words import say
from apps.hosts.limits import limit_reached
from apps.hosts.wire import Address
from apps.journal.idempotency import idempotent
from apps.packages import store_orders
from apps.packages.models import StorePackage
from apps.packages.onboarding import TOLD
from apps.packages.policies import may_upload
from apps.packages.selectors import access_store_package, store_packages
from apps.packages.states import SyncState
from apps.packages.store_offers import offers_of
from apps.packages.store_orders import Outcome, Wanted
from apps.tenants.policies import may, require
from apps.tenants.views import ApiView

MOST_AT_ONCE = 400
_ON_RECORD = tuple(key for key in TOLD if key not in ("format", "details"))


class WantedSerializer(serializers.Serializer[Any]):
    """One package to fetch; whatever else a client sends of it is not looked at."""

    appstoreIp = Address()
    appId = Text(max_length=64, validators=[HEX32])
    packageId = Text(max_length=64, validators=[HEX32])


class FetchesSerializer(serializers.ListSerializer[Any]):
    """1 to 400 packages to fetch."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs |= {"child": WantedSerializer(), "allow_empty": False, "max_length": MOST_AT_ONCE}
        super().__init__(*args, **kwargs)


class StoreOffersView(ApiView):
    """``GET /apm/v1/apps/info/appstores/{appstore_ip}``."""

    def get(self, request: Request, ip: str) -> Response:
        """What a store offers now, with how far each package is here.  Changes nothing."""
        require(may(self.actor, "packages.read"))
        rows = offers_of(ip)
        if len(rows) > settings.LIMITS["packages_per_appstore"]:
            raise limit_reached("packages_per_appstore", len(rows))
        return Response([one.told | {"syncStatus": one.state} for one in rows])


_KEY_SCHEMA = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
# A list of serializers cannot say how long it may be.
FETCHES_SCHEMA = {
    "type": "array",
    "minItems": 1,
    "maxItems": MOST_AT_ONCE,
    "items": {
        "type": "object",
        "required": ["appstoreIp", "appId", "packageId"],
        "properties": {
            "appstoreIp": {"type": "string", "format": "ipv4", "maxLength": 45},
            "appId": _KEY_SCHEMA,
            "packageId": _KEY_SCHEMA,
        },
    },
}


class FetchView(ApiView):
    """``POST /apm/v1/apps/sync``."""

    bodies = {"POST": True}

    @extend_schema(request={"application/json": FETCHES_SCHEMA})
    @idempotent
    def post(self, request: Request) -> Response:
        """Order packages to be fetched: 202 with what became of each, 400 when none could be."""
        require(may_upload(self.actor))
        form = FetchesSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wanted = [_wanted(item) for item in form.validated_data]
        outcomes = store_orders.fetch_each(actor=self.actor, wanted=wanted)
        items = [outcome_json(one) for one in outcomes]
        if all(one.reason for one in outcomes):
            raise Invalid(
                N_("None of the packages can be fetched."),
                code="none_accepted",
                details=[say(one.reason) for one in outcomes],
                extra={"items": items},
            )
        return Response(items, status=status.HTTP_202_ACCEPTED)


class FetchListView(ApiView):
    """``GET /apm/v1/apps/syncstatus``."""

    paged = True

    def get(self, request: Request) -> Response:
        """Everything that was ever asked of stores, the newest first."""
        require(may(self.actor, "packages.read"))
        return Response([fetch_json(row) for row in page(request, store_packages())])


class FetchStateView(ApiView):
    """``GET /apm/v1/apps/{app_id}/packages/{package_id}/syncstatus``."""

    def get(self, request: Request, store_app_id: str, store_package_id: str) -> Response:
        """How far one package is."""
        require(may(self.actor, "packages.read"))
        if not (_is_key(store_app_id) and _is_key(store_package_id)):
            raise NotFound(N_("There is no such package."), message="record not found")
        app_id, package_id = uuid.UUID(hex=store_app_id), uuid.UUID(hex=store_package_id)
        return Response(fetch_json(access_store_package(app_id, package_id)))


def outcome_json(one: Outcome) -> dict[str, Any]:
    """What became of one order."""
    ids = {"appId": one.wanted.app_id.hex, "packageId": one.wanted.package_id.hex}
    if one.reason is None:
        return ids | {"status": "accepted"}
    return ids | {"status": "failed", "reason": one.word}


def fetch_json(row: StorePackage) -> dict[str, Any]:
    """``SyncStatus``; the additions stand last."""
    said = {key: row.told.get(key) for key in _ON_RECORD}
    ended_well = row.state == SyncState.IN_SYNC
    return said | {
        "appId": row.app_id.hex,
        "packageId": row.package_id.hex,
        "appstoreEndpoint": row.endpoint,
        "syncStatus": row.state,
        "operationalInfo": "success" if ended_well else say(row.fault_reason) or None,
        "appstoreIp": row.store_ip,
        "received": row.received,
        "total": row.total,
        "percent": row.percent,
        "sha256": row.sha256 or None,
        "asOf": row.updated_at,
    }


def _wanted(item: dict[str, str]) -> Wanted:
    """One validated item as the services take it."""
    return Wanted(
        item["appstoreIp"], uuid.UUID(hex=item["appId"]), uuid.UUID(hex=item["packageId"])
    )


def _is_key(text: str) -> bool:
    return len(text) == 32 and all(char in "0123456789abcdef" for char in text)
