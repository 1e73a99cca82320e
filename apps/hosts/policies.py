"""Who may do what with the infrastructure."""

from __future__ import annotations

from django.utils.translation import gettext_noop as N_

from apps.common.words import Reason
from apps.hosts.models import MecHost
from apps.tenants.actors import Actor
from apps.tenants.policies import ALLOWED, Decision, may


def may_configure(actor: Actor) -> Decision:
    """Whether managers and hosts may be registered, changed and removed."""
    return may(actor, "hosts.write")


def may_handle_credentials(actor: Actor) -> Decision:
    """Whether access files may be stored and removed."""
    return may(actor, "hosts.credentials")


def may_see_resources(actor: Actor) -> Decision:
    """Whether the actor may see all that a host's cloud has, also of other tenants."""
    return may(actor, "hosts.resources")


def may_record(actor: Actor) -> Decision:
    """Whether the actor may tell of applications of a tenant."""
    return may(actor, "instances.write")


def may_deploy_to(host: MecHost) -> Decision:
    """Whether anything new may be placed on ``host`` (visibility was decided by the selector)."""
    if host.removing:
        return Decision(False, Reason(N_("The host is being removed."), code="host_removing"))
    if host.cordoned:
        text = N_("“%(host)s” is cordoned: nothing new is placed there until it is uncordoned.")
        return Decision(False, Reason(text, code="host_cordoned", params={"host": host.name}))
    return ALLOWED
