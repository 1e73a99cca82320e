"""MecApp in EdgeGallery's field names."""

from __future__ import annotations

from typing import Any

from apps.common import typed as serializers
from apps.common.fields import HEX32_64, STATUS
from apps.common.strict import Text
from apps.hosts.models import AppRecord
from apps.hosts.specs import RecordSpec
from apps.hosts.wire import name_field
from apps.instances.inventory import Application

MOST_CAPABILITIES = 10


class MecAppSerializer(serializers.Serializer[Any]):
    """An application on a host as a client tells of it."""

    appInstanceId = serializers.UUIDField()
    appName = name_field()
    packageId = Text(max_length=64, validators=[HEX32_64])
    capabilities = serializers.ListField(
        child=name_field(), required=False, max_length=MOST_CAPABILITIES
    )
    status = Text(max_length=128, validators=[STATUS])

    def to_spec(self) -> RecordSpec:
        """The validated input as a spec."""
        data = self.validated_data
        said = data.get("capabilities")
        return RecordSpec(
            app_instance_id=data["appInstanceId"],
            app_name=data["appName"],
            package_id=data["packageId"],
            status=data["status"],
            capabilities=tuple(dict.fromkeys(said)) if said is not None else None,
        )


def mec_app(row: Application) -> dict[str, Any]:
    """EdgeGallery's fields, whose it is, and whether this platform itself runs it."""
    told = isinstance(row, AppRecord)
    return {
        "appInstanceId": str(row.app_instance_id if isinstance(row, AppRecord) else row.pk),
        "appName": row.app_name,
        "packageId": row.package_id if isinstance(row, AppRecord) else row.package.package_id,
        "capabilities": row.capabilities,
        "status": row.status if isinstance(row, AppRecord) else str(row.state),
        "tenantId": str(row.tenant_id),
        "managed": not told,
        "version": row.version,
    }
