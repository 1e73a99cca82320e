"""The inventory in EdgeGallery's field names, in both directions; each ends in a spec."""

from __future__ import annotations

from typing import Any

from apps.common import typed as serializers
from apps.common.fields import AFFINITY, CITY, COORDINATES, ipv4
from apps.common.strict import Text
from apps.hosts.models import AppLcm, AppRuleManager, Manager, MecHost
from apps.hosts.specs import HostSpec, ManagerSpec
from apps.hosts.wire import Address, Port, name_field, optional_name


class AppLcmSerializer(serializers.Serializer[Manager]):
    """AppLcm: ``applcmName``, ``applcmIp``, ``applcmPort``, ``userName``."""

    prefix = "applcm"
    applcmName = name_field(source="name")
    applcmIp = Address(source="ip")
    applcmPort = Port(source="port")
    userName = optional_name()

    def to_spec(self) -> ManagerSpec:
        """The validated input as a spec."""
        data = self.validated_data
        return ManagerSpec(data["name"], data["ip"], int(data["port"]), data.get("userName") or "")

    def to_representation(self, row: Manager) -> dict[str, Any]:
        """EdgeGallery's fields, then what we observed."""
        prefix = self.prefix
        return {
            f"{prefix}Name": row.name,
            f"{prefix}Ip": row.ip,
            f"{prefix}Port": str(row.port),
            "userName": row.user_name or None,
            "observed": {
                "reachable": row.reachable,
                "since": row.since,
                "lastSeen": row.last_seen,
                "reason": str(row.fault_reason) or None,
            },
            "version": row.version,
        }


class AppRuleManagerSerializer(AppLcmSerializer):
    """AppRuleManager: ``appRuleName``, ``appRuleIp``, ``appRulePort``, ``userName``."""

    prefix = "appRule"
    applcmName = applcmIp = applcmPort = None  # type: ignore[assignment]
    appRuleName = name_field(source="name")
    appRuleIp = Address(source="ip")
    appRulePort = Port(source="port")


class MepmSerializer(AppLcmSerializer):
    """AppLCM and rule manager at one address, as later releases of EdgeGallery call the pair."""

    prefix = "mepm"
    applcmName = applcmIp = applcmPort = None  # type: ignore[assignment]
    mepmName = name_field(source="name")
    mepmIp = Address(source="ip")
    mepmPort = Port(source="port")


MANAGER_SERIALIZERS: dict[type[Manager], type[AppLcmSerializer]] = {
    AppLcm: AppLcmSerializer,
    AppRuleManager: AppRuleManagerSerializer,
}


class HwCapabilitySerializer(serializers.Serializer[Any]):
    """One hardware capability of a host."""

    hwType = optional_name()
    hwVendor = optional_name()
    hwModel = optional_name()


class LocalHostSerializer(serializers.Serializer[MecHost]):
    """A MEC host as an edge configures it: without managers."""

    mechostIp = Text(source="ip", max_length=15, validators=[ipv4])
    mechostName = name_field(source="name")
    zipCode = optional_name()
    city = Text(max_length=128, validators=[CITY])
    address = Text(max_length=256)
    affinity = Text(
        max_length=128, validators=[AFFINITY], required=False, allow_blank=True, allow_null=True
    )
    userName = optional_name()
    coordinates = Text(max_length=128, validators=[COORDINATES])
    vim = optional_name()
    hwcapabilities = serializers.ListField(
        child=HwCapabilitySerializer(), required=False, max_length=10
    )
    region = name_field(required=False, allow_blank=True, allow_null=True)
    tags = serializers.ListField(child=name_field(), required=False, max_length=16)

    def to_spec(self) -> HostSpec:
        """The validated input as a spec."""
        data = self.validated_data
        capabilities = [
            {key: value or "" for key, value in row.items()}
            for row in data.get("hwcapabilities") or []
        ]
        return HostSpec(
            name=data["name"],
            ip=data["ip"],
            city=data["city"],
            address=data["address"],
            coordinates=data["coordinates"],
            vim=data.get("vim") or "",
            zip_code=data.get("zipCode") or "",
            affinity=data.get("affinity") or "",
            user_name=data.get("userName") or "",
            hw_capabilities=capabilities,
            applcm_ip=data.get("applcmIp") or "",
            app_rule_ip=data.get("appRuleIp") or "",
            region=(data["region"] or "") if "region" in data else None,
            tags=list(dict.fromkeys(data["tags"])) if "tags" in data else None,
        )

    def to_representation(self, host: MecHost) -> dict[str, Any]:
        """EdgeGallery's fields, then what was observed and when."""
        return {
            "mechostIp": host.ip,
            "mechostName": host.name,
            "zipCode": host.zip_code or None,
            "city": host.city,
            "address": host.address,
            "affinity": host.affinity or None,
            "userName": host.user_name or None,
            "coordinates": host.coordinates,
            "vim": host.vim or None,
            "hwcapabilities": host.hw_capabilities,
            "configUploadStatus": host.config_upload_status or None,
            "region": host.region or None,
            "tags": host.tags,
            "cordoned": host.cordoned,
            "origin": host.origin,
            "mechostId": str(host.pk),
            "version": host.version,
            "observed": observed(host),
        }


class MecHostSerializer(LocalHostSerializer):
    """A MEC host as the center configures it: it names its managers.

    Instead of the two it may name ``mepmIp``, the address of both.
    """

    applcmIp = Address()
    appRuleIp = Address(required=False, allow_blank=True, allow_null=True)

    def to_internal_value(self, data: Any) -> Any:
        """The input, with both managers where it names the pair."""
        if type(data) is dict and "mepmIp" in data and "applcmIp" not in data:
            data = {"appRuleIp": data["mepmIp"], **data, "applcmIp": data["mepmIp"]}
        return super().to_internal_value(data)

    @staticmethod
    def _mepm(host: MecHost) -> str | None:
        pair = host.applcm and host.app_rule_manager
        if not pair or not host.applcm or host.applcm.ip != pair.ip:
            return None
        return pair.ip

    def to_representation(self, host: MecHost) -> dict[str, Any]:
        """As at the edge, with the managers and the delivery."""
        return super().to_representation(host) | {
            "applcmIp": host.applcm.ip if host.applcm else None,
            "appRuleIp": host.app_rule_manager.ip if host.app_rule_manager else None,
            "mepmIp": self._mepm(host),
            "delivery": {
                "delivered": host.is_delivered,
                "removing": host.removing,
                "reason": str(host.delivery_reason) or None,
            },
        }


def observed(host: MecHost) -> dict[str, Any]:
    """What is known of a host and since when; ``edgeReachable`` is None for a host of this site."""
    edge = host.applcm
    return {
        "reachable": host.reachable,
        "since": host.since,
        "asOf": host.observed_at,
        "vimKind": host.vim_kind or None,
        "simulated": host.simulated,
        "facts": host.facts,
        "reason": str(host.fault_reason) or None,
        "edgeReachable": edge.reachable if edge else None,
        "edgeSince": edge.since if edge else None,
        "edgeReason": (str(edge.fault_reason) or None) if edge else None,
    }
