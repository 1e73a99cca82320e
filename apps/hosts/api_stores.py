"""``/inventory/v1``: app stores and app repositories.  Their passwords never come back."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.conditional import etag
from apps.common.pagination import page
from apps.hosts import stores
from apps.hosts.api import DELETED, SAVED, UPDATED
from apps.hosts.models import AppRepo, AppStore
from apps.hosts.policies import may_configure
from apps.hosts.serializers_stores import (
    AppRepoChangeSerializer,
    AppRepoSerializer,
    AppStoreSerializer,
)
from apps.journal.idempotency import idempotent
from apps.tenants.policies import may, require
from apps.tenants.views import ApiView, conditional


class StoreListView(ApiView):
    """The collection of app stores."""

    paged = True
    model: ClassVar[Any] = AppStore
    serializer_class: Any = AppStoreSerializer

    def get(self, request: Request) -> Response:
        """List."""
        require(may(self.actor, "hosts.read"))
        rows = page(request, self.model.objects.all())
        return Response(self.serializer_class(rows, many=True).data)

    @idempotent
    def post(self, request: Request) -> Response:
        """Register one (administrator)."""
        require(may_configure(self.actor))
        form = self.serializer_class(data=request.data)
        form.is_valid(raise_exception=True)
        stores.register(self.model, actor=self.actor, spec=form.to_spec())
        return Response(SAVED)

    def delete(self, request: Request) -> Response:
        """Remove all of them or, when one is still used, none (administrator)."""
        require(may_configure(self.actor))
        stores.remove_all(self.model, actor=self.actor)
        return Response(DELETED)


class StoreView(ApiView):
    """One app store, by its address."""

    model: ClassVar[Any] = AppStore
    serializer_class: Any = AppStoreSerializer

    def get(self, request: Request, key: str) -> Response:
        """Read; the answer carries the version as its ETag."""
        require(may(self.actor, "hosts.read"))
        row = stores.access(self.model, key)
        return Response(self.serializer_class(row).data, headers={"ETag": etag(row.version)})

    @conditional
    def put(self, request: Request, key: str) -> Response:
        """Replace (administrator); a password that is not said stays."""
        require(may_configure(self.actor))
        self.expect(stores.access(self.model, key))
        form = self.serializer_class(data=request.data)
        form.is_valid(raise_exception=True)
        stores.update(self.model, actor=self.actor, key=key, spec=form.to_spec())
        return Response(UPDATED)

    @conditional
    def delete(self, request: Request, key: str) -> Response:
        """Remove (administrator); 409 names what still uses it."""
        require(may_configure(self.actor))
        self.expect(stores.access(self.model, key))
        stores.remove(self.model, actor=self.actor, key=key)
        return Response(DELETED)


class RepoListView(StoreListView):
    """The collection of app repositories."""

    model = AppRepo
    serializer_class = AppRepoSerializer


class RepoView(StoreView):
    """One app repository, by its endpoint."""

    model = AppRepo
    serializer_class = AppRepoChangeSerializer
