"""What the views of Mm5 and of service governance share: callers are people and other sites."""

from __future__ import annotations

from rest_framework.request import Request

from apps.mep.access import find_application, unknown
from apps.mep.api.base import MepView
from apps.mep.models import Application
from apps.tenants.policies import may, require
from apps.tenants.views import ApiView


class ManagementView(MepView, ApiView):
    """A view that needs ``mep.read`` to look and ``mep.write`` for everything else."""

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Authentication, then the role."""
        super().initial(request, *args, **kwargs)
        reading = request.method in ("GET", "HEAD", "OPTIONS")
        require(may(self.actor, "mep.read" if reading else "mep.write"))

    def application(self, text: str) -> Application:
        """The application of the path; another tenant's does not exist for the asker."""
        found = find_application(text)
        if found is None or not (self.actor.is_admin or found.tenant_id == self.actor.wall):
            raise unknown("There is no such application instance.")
        return found
