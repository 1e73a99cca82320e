"""App stores and app repositories in EdgeGallery's field names; passwords are only ever sent."""

from __future__ import annotations

from typing import Any

from apps.common import typed as serializers
from apps.common.fields import ENDPOINT, NAME, REGISTRY
from apps.common.strict import Text
from apps.hosts.models import AppRepo, AppStore
from apps.hosts.specs import RepoSpec, StoreSpec
from apps.hosts.wire import Address, Port, name_field, optional_name


class AppStoreSerializer(serializers.Serializer[AppStore]):
    """AppStore; a password that is absent or null leaves the stored one, an empty one ends it."""

    appstoreIp = Address()
    appstorePort = Port()
    appstoreName = optional_name()
    appstoreRepoName = optional_name()
    appstoreRepo = Text(max_length=128, validators=[REGISTRY])
    appstoreRepoUserName = optional_name()
    appstoreRepoPassword = Text(
        max_length=128, required=False, allow_blank=True, allow_null=True, write_only=True
    )
    producer = optional_name()

    def to_spec(self) -> StoreSpec:
        """The validated input as a spec."""
        data = self.validated_data
        return StoreSpec(
            ip=data["appstoreIp"],
            port=int(data["appstorePort"]),
            repo=data["appstoreRepo"],
            name=data.get("appstoreName") or "",
            repo_name=data.get("appstoreRepoName") or "",
            repo_user_name=data.get("appstoreRepoUserName") or "",
            repo_password=data.get("appstoreRepoPassword"),
            producer=data.get("producer") or "",
        )

    def to_representation(self, row: AppStore) -> dict[str, Any]:
        """EdgeGallery's fields without the password; whether one is stored is told."""
        return {
            "appstoreIp": row.ip,
            "appstorePort": str(row.port),
            "appstoreName": row.name or None,
            "appstoreRepoName": row.repo_name or None,
            "appstoreRepo": row.repo,
            "appstoreRepoUserName": row.repo_user_name or None,
            "producer": row.producer or None,
            "credentialsStored": bool(row.repo_password),
            "version": row.version,
        }


class AppRepoSerializer(serializers.Serializer[AppRepo]):
    """AppRepo; a change that says no password leaves the stored one."""

    repoEndPoint = Text(max_length=255, validators=[ENDPOINT])
    repoName = Text(max_length=255, validators=[NAME])
    repoUserName = name_field()
    repoPassword = Text(max_length=128, write_only=True)

    def to_spec(self) -> RepoSpec:
        """The validated input as a spec."""
        data = self.validated_data
        return RepoSpec(
            endpoint=data["repoEndPoint"],
            user_name=data["repoUserName"],
            name=data["repoName"],
            password=data.get("repoPassword"),
        )

    def to_representation(self, row: AppRepo) -> dict[str, Any]:
        """EdgeGallery's fields without the password; whether one is stored is told."""
        return {
            "repoEndPoint": row.endpoint,
            "repoName": row.name or None,
            "repoUserName": row.user_name,
            "credentialsStored": bool(row.password),
            "version": row.version,
        }


class AppRepoChangeSerializer(AppRepoSerializer):
    """The same for a change, where whoever read the repository has no password to send back."""

    repoPassword = Text(max_length=128, required=False, allow_null=True, write_only=True)
