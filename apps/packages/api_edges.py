"""``…/app_package_infos/sync``: the original's call to fetch from every edge what it changed."""

from __future__ import annotations

import uuid

from django.utils.translation import gettext_noop as N_
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import NotOffered
from apps.packages.api import PackageApi
from apps.packages.policies import may_upload
from apps.tenants.policies import require


class EdgeSyncView(PackageApi):
    """``POST /apm/v1[/tenants/{tenant_id}]/app_package_infos/sync``."""

    def post(self, request: Request, tenant_id: uuid.UUID | None = None) -> Response:
        """Answer 501: edges tell of their changes by themselves, and asking for it is not built."""
        require(may_upload(self.actor))
        self.write_tenant(request, tenant_id)
        raise NotOffered(
            N_("Edges tell their changes by themselves; this call is not offered yet.")
        )


class OwnEdgeSyncView(EdgeSyncView):
    """Without a tenant in the address."""
