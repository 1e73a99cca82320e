"""Closing a host to new instances, and opening it again: what runs there is left alone."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common.errors import NotFound
from apps.hosts.models import MecHost
from apps.hosts.policies import may_configure
from apps.journal import services as journal
from apps.tenants.actors import Actor
from apps.tenants.policies import require


@transaction.atomic
def set_cordoned(*, actor: Actor, host_id: uuid.UUID, cordoned: bool) -> MecHost:
    """Cordon or uncordon; a host that is so already stays as it is."""
    require(may_configure(actor))
    host = MecHost.objects.select_for_update().filter(pk=host_id).first()
    if host is None:
        raise NotFound(N_("There is no such host."), message="Record not found")
    if host.cordoned != cordoned:
        host.cordoned = cordoned
        host.save()
        verb = "hosts.host.cordoned" if cordoned else "hosts.host.uncordoned"
        journal.record(verb, host, actor=actor)
    return host
