"""The bodies that ``/appo/v1`` takes, field by field as EdgeGallery's releases spell them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from apps.common import typed as serializers
from apps.common.fields import APP_NAME, HEX32_64, ipv4
from apps.common.strict import StrictSerializer
from apps.orchestration import parameters

AT_ONCE = 20
INSTANCES_OF_A_ROLLOUT = 50


class ParametersField(serializers.DictField):
    """``{"name": "value"}``; which names there are is the package's to say."""

    child = serializers.Prose(max_length=parameters.LONGEST, allow_blank=True)

    def to_internal_value(self, data: Any) -> dict[str, str]:
        """At most 50 of them, names not longer than values may be; null is none."""
        given: dict[str, str] = super().to_internal_value(data)
        if len(given) > parameters.MOST:
            raise serializers.ValidationError(_("give at most 50 parameters"))
        if any(len(name) > parameters.LONGEST for name in given):
            raise serializers.ValidationError(_("a name has at most 256 characters"))
        return given


class _Application(serializers.Serializer[Any]):
    """What the forms of creating share."""

    appPackageId = serializers.CharField(max_length=64, validators=[HEX32_64])
    appName = serializers.CharField(max_length=128, validators=[APP_NAME])
    appId = serializers.RegexField(r"^[0-9a-f]{32}\Z", max_length=64)
    appInstanceDescription = serializers.Prose(max_length=256)
    hwCapabilities = serializers.ListField(
        child=serializers.CharField(max_length=128), required=False, allow_null=True, max_length=10
    )
    parameters = ParametersField(required=False, allow_null=True)
    allow_missing_services = serializers.BooleanField(required=False, default=False)


class CreateSerializer(_Application):
    """``CreateParam`` of the orchestrator."""

    mecHost = serializers.CharField(max_length=15, validators=[ipv4])


class BatchCreateSerializer(_Application):
    """``BatchCreateParam``: the same on several hosts."""

    mecHost = serializers.ListField(
        child=serializers.CharField(max_length=15, validators=[ipv4]),
        min_length=1,
        max_length=AT_ONCE,
    )


class StartSerializer(serializers.Serializer[Any]):
    """The optional body of an order to instantiate."""

    parameters = ParametersField(required=False, allow_null=True)
    allow_missing_services = serializers.BooleanField(required=False, default=False)


class _StartOneSerializer(serializers.Serializer[Any]):
    appInstanceId = serializers.UUIDField()
    parameters = ParametersField(required=False, allow_null=True)


class BatchStartSerializer(StrictSerializer):
    """``BatchInstancesParam``, or the list with parameters of later releases."""

    narrower = {
        "anyOf": [{"required": ["appInstanceIds"]}, {"required": ["instantiationParameters"]}]
    }

    appInstanceIds = serializers.ListField(
        child=serializers.UUIDField(), required=False, min_length=1, max_length=AT_ONCE
    )
    instantiationParameters = serializers.ListField(
        child=_StartOneSerializer(), required=False, min_length=1, max_length=AT_ONCE
    )
    allow_missing_services = serializers.BooleanField(required=False, default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One of the two lists has to be there."""
        if "appInstanceIds" not in attrs and "instantiationParameters" not in attrs:
            raise serializers.ValidationError({"appInstanceIds": [_("name the instances")]})
        return attrs


class BatchEndSerializer(serializers.Serializer[Any]):
    """``BatchInstancesParam``."""

    appInstanceIds = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=AT_ONCE
    )


class RolloutSerializer(serializers.Serializer[Any]):
    """Instances that shall run another version of their application."""

    appPackageId = serializers.CharField(max_length=64, validators=[HEX32_64])
    appInstanceIds = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=INSTANCES_OF_A_ROLLOUT
    )
    waveSize = serializers.IntegerField(
        required=False, default=1, min_value=1, max_value=INSTANCES_OF_A_ROLLOUT
    )
    stopAfter = serializers.IntegerField(
        required=False, default=1, min_value=1, max_value=INSTANCES_OF_A_ROLLOUT
    )
    parameters = ParametersField(required=False, allow_null=True)
    allow_missing_services = serializers.BooleanField(required=False, default=False)


class UpgradeOrderSerializer(serializers.Serializer[Any]):
    """The body of ``upgrade`` at an edge."""

    packageId = serializers.CharField(max_length=64)
    parameters = ParametersField(required=False, allow_null=True)
