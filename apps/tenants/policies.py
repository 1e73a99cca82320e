"""The house's only "may": an answer that carries its reason to the tooltip and to the 403 body."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.utils.translation import gettext_noop as N_

from apps.common.errors import Conflict, Denied, Invalid, NotFound
from apps.common.words import NO_REASON, Reason
from apps.tenants.actors import Actor
from apps.tenants.models import Tenant, User


@dataclass(frozen=True, slots=True)
class Decision:
    """Allowed, or not for a reason; true exactly when allowed."""

    allowed: bool
    reason: Reason = NO_REASON

    def __bool__(self) -> bool:
        return self.allowed


ALLOWED = Decision(True)

_REFUSALS = {
    "hosts.write": N_("Only an administrator may change the infrastructure."),
    "hosts.credentials": N_("Only an administrator may handle the credentials of a host."),
    "hosts.resources": N_("Only an administrator may see all resources of a host."),
    "users.write": N_("Only an administrator may manage tenants and users."),
    "systems.read": N_("Only an administrator may see the connected systems."),
    "feed.read": N_("Only a center or an administrator may read the feed."),
    "feed.own": N_("A guest may neither ask what changed nor acknowledge it."),
    "mep.write": N_("Only an administrator may manage the MEC platform."),
    "site.write": N_("Only an administrator may change whom this site trusts."),
    "packages.write": N_("A guest may look at packages, but not change them."),
    "packages.download": N_("A guest may look at packages, but not download them."),
    "instances.write": N_("A guest may look at instances, but not change them."),
    "rules.write": N_("A guest may look at rules, but not change them."),
    "activity.read": N_("A guest may not see who did what."),
    "sync.read": N_("A guest may not see how the sites are synchronized."),
}


def may(actor: Actor, permission: str) -> Decision:
    """Whether the actor's role allows ``permission`` at all, and if not, why not."""
    if actor.has(permission):
        return ALLOWED
    text = _REFUSALS.get(permission, N_("Your role does not allow this."))
    return Decision(False, Reason(text, code="role"))


def may_change_trust(actor: Actor) -> Decision:
    """Whether the actor may say whom this site trusts: its own administrators, and nobody else's.

    An administrator of the center gives orders to an edge, and does not decide whom it obeys.
    """
    if actor.site_id is not None:
        text = N_("Only an administrator who signs in at this site may change whom it trusts.")
        return Decision(False, Reason(text, code="not_local"))
    return may(actor, "site.write")


def require_now(decision: Decision) -> None:
    """Raise Conflict with the decision's reason unless it allows: not the asker is in the way."""
    if not decision:
        why = decision.reason
        raise Conflict(why.text, code=why.code, **why.params)


def require(decision: Decision) -> None:
    """Raise Denied with the decision's reason unless it allows."""
    if not decision:
        raise Denied(
            decision.reason.text,
            code=decision.reason.code,
            message="Forbidden",
            details=["User is not authorized to perform this operation"],
            **decision.reason.params,
        )


def require_local(user: User) -> None:
    """Conflict for an account whose role, tenant and password are the center's to change."""
    if user.is_cached:
        raise Conflict(
            N_("“%(name)s” is an account of the center and is changed there."),
            code="account_of_center",
            name=user.username,
        )


def tenant_for(actor: Actor, asked: uuid.UUID | None) -> uuid.UUID:
    """The tenant that a request is about; somebody else's tenant does not exist for the asker.

    Without ``asked`` it is the actor's own; an actor without one, such as an administrator, has to
    name one.
    """
    if asked is None:
        if actor.tenant_id is None:
            reason = Reason(N_("name the tenant that this is for"))
            raise Invalid(N_("The request is not valid."), fields={"tenant_id": reason})
        return actor.tenant_id
    theirs = asked == actor.tenant_id
    if not theirs and not (actor.is_admin and Tenant.objects.filter(pk=asked).exists()):
        raise NotFound(N_("There is nothing here by that name."), message="Record not found")
    return asked
