"""Who may do what with images.  What an actor may see was decided by the selector."""

from __future__ import annotations

from django.utils.translation import gettext_noop as N_

from apps.common.words import Reason
from apps.images.models import HostImage
from apps.images.states import IMAGE
from apps.tenants.actors import Actor
from apps.tenants.policies import Decision, may


def may_remove(actor: Actor, image: HostImage) -> Decision:
    """Whether ``image`` may be taken away; the site's own only by those who run the site."""
    decision = may(actor, "instances.write" if image.tenant_id else "hosts.write")
    if decision and not IMAGE.allows(image.state, "remove"):
        return Decision(False, Reason(N_("The image is being deleted."), code="deleting"))
    return decision
