"""Who may do what with an instance: the role and the state together."""

from __future__ import annotations

from django.utils.translation import gettext_noop as N_

from apps.common.words import Reason
from apps.instances.models import AppInstance
from apps.instances.states import INSTANCE, InstanceState
from apps.tenants.actors import Actor
from apps.tenants.policies import Decision, may

SETTLED = (InstanceState.INSTANTIATED, InstanceState.INSTANTIATION_FAILED)


def may_create(actor: Actor) -> Decision:
    """Whether the actor may start anything at all."""
    return may(actor, "instances.write")


def may_operate(actor: Actor, instance: AppInstance, verb: str) -> Decision:
    """Whether ``verb`` ("instantiate", "terminate") is open to the actor in this state."""
    decision = may(actor, "instances.write")
    if not decision:
        return decision
    if INSTANCE.allows(instance.state, verb) or _queues(instance, verb):
        return decision
    text = N_("“%(verb)s” is not possible while the state is “%(state)s”.")
    return Decision(False, Reason(text, "illegal_move", {"verb": verb, "state": instance.state}))


def may_handle_servers(actor: Actor, instance: AppInstance) -> Decision:
    """Whether servers of the instance may be stopped, started and looked at by the actor now.

    Not while an order is being carried out, which would take a server that stops for one that
    failed.
    """
    decision = may(actor, "instances.write")
    if not decision or instance.state in SETTLED:
        return decision
    text = N_("Servers are left alone while the state of the instance is “%(state)s”.")
    return Decision(False, Reason(text, "illegal_move", {"state": instance.state}))


def _queues(instance: AppInstance, verb: str) -> bool:
    """An instance that is still being created takes the order and keeps it until it is."""
    return verb == "instantiate" and instance.state == InstanceState.CREATING
