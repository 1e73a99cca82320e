"""The data types that MEC 011 v3 added: the registration of an application."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from apps.mep.types import (
    UUID,
    CategoryRef,
    EndPointInfo,
    Members,
    SecurityInfo,
    Serializer,
    Short,
    Text,
    TransportType,
    Version,
)


class TransportDescriptor(Members):
    """A transport that a dependency may be reached by."""

    name: Short
    type: TransportType
    protocol: Short
    version: Version
    security: SecurityInfo
    description: Text | UnsetType = UNSET
    implSpecificInfo: dict[str, Any] | UnsetType = UNSET


class TransportDependency(Members):
    """Transports and serializers that an application can use."""

    transport: TransportDescriptor
    serializers: Annotated[list[Serializer], Meta(min_length=1, max_length=3)]
    labels: Annotated[list[Short], Meta(min_length=1, max_length=32)]


class ServiceDependency(Members):
    """A service that an application needs or can use."""

    serName: Short
    version: Version
    serCategory: CategoryRef | UnsetType = UNSET
    serTransportDependencies: (
        Annotated[list[TransportDependency], Meta(max_length=32)] | UnsetType
    ) = UNSET
    requestedPermissions: Any = UNSET


class FeatureDependency(Members):
    """A feature of the platform that an application needs or can use."""

    featureName: Short
    version: Version


_Services = Annotated[list[ServiceDependency], Meta(max_length=64)]
_Features = Annotated[list[FeatureDependency], Meta(max_length=64)]


_DEPENDENCIES = (
    "appServiceRequired", "appServiceOptional", "appFeatureRequired", "appFeatureOptional",
)


class AppInfo(Members):
    """Clause 7.1.2.6.  What MEC management instantiated has an AppD, which says what it needs.

    ``appInstanceId`` is looked at where ``isInsByMec`` is true; else the platform allocates it.
    """

    narrower = {
        "oneOf": [
            {"properties": {"isInsByMec": {"enum": [False]}}, "required": ["endpoint"]},
            {
                "properties": {
                    "isInsByMec": {"enum": [True]},
                    "appInstanceId": {"type": "string", "pattern": UUID},
                },
                "required": ["isInsByMec", "appDId"],
                "not": {"anyOf": [{"required": [name]} for name in _DEPENDENCIES]},
            },
        ]
    }

    appName: Short
    appProvider: Text | UnsetType = UNSET
    appCategory: CategoryRef | UnsetType = UNSET
    appDId: Short | UnsetType = UNSET
    appInstanceId: Short | UnsetType = UNSET
    endpoint: EndPointInfo | UnsetType = UNSET
    appServiceRequired: _Services | UnsetType = UNSET
    appServiceOptional: _Services | UnsetType = UNSET
    appFeatureRequired: _Features | UnsetType = UNSET
    appFeatureOptional: _Features | UnsetType = UNSET
    isInsByMec: bool = False
    appProfile: dict[str, Any] | UnsetType = UNSET

    def __post_init__(self) -> None:
        if not self.isInsByMec and self.endpoint is UNSET:
            raise ValueError("endpoint is needed unless isInsByMec is true")
        if self.isInsByMec and self.appDId is UNSET:
            raise ValueError("appDId is needed where isInsByMec is true")
        if self.isInsByMec and any(getattr(self, one) is not UNSET for one in _DEPENDENCIES):
            raise ValueError("dependencies are the AppD's to say where isInsByMec is true")
