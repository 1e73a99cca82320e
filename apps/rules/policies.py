"""Who may do what with the rules of an instance: the role and the state together."""

from __future__ import annotations

from django.utils.translation import gettext_noop as N_

from apps.common.words import Reason
from apps.instances.models import AppInstance
from apps.instances.states import InstanceState
from apps.tenants.actors import Actor
from apps.tenants.policies import ALLOWED, Decision, may

# In these the orchestrator's original takes an order, and in these a platform can carry it out.
ORDERED_IN = (InstanceState.CREATED, InstanceState.INSTANTIATED)
CARRIED_OUT_IN = (InstanceState.INSTANTIATED, InstanceState.INSTANTIATION_FAILED)
ENDING = (InstanceState.TERMINATING, InstanceState.TERMINATE_FAILED)


def may_configure(actor: Actor, instance: AppInstance | None = None) -> Decision:
    """Whether the actor may change rules, of ``instance`` where one is given."""
    decision = may(actor, "rules.write")
    if not decision or instance is None:
        return decision
    if instance.state in ENDING:
        text = N_("The rules of an instance that ends are not changed; the state is “%(state)s”.")
        return Decision(False, Reason(text, "illegal_move", {"state": instance.state}))
    return ALLOWED
