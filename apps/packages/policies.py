"""Who may do what with packages.  What an actor may see was decided by the selector."""

from __future__ import annotations

from django.utils.translation import gettext_noop as N_

from apps.common.words import Reason
from apps.hosts.models import MecHost
from apps.hosts.policies import may_deploy_to
from apps.packages.models import Package
from apps.tenants.actors import Actor
from apps.tenants.policies import ALLOWED, Decision, may
from apps.vim import registry


def may_upload(actor: Actor) -> Decision:
    """Whether the actor may bring packages in."""
    return may(actor, "packages.write")


def may_download(actor: Actor) -> Decision:
    """Whether the actor may take the CSAR itself."""
    return may(actor, "packages.download")


def may_change(actor: Actor, package: Package) -> Decision:
    """Whether ``package`` may be distributed, withdrawn and removed."""
    decision = may(actor, "packages.write")
    if decision and package.removing:
        return Decision(False, Reason(N_("The package is being removed."), code="removing"))
    return decision


def fits(package: Package, host: MecHost) -> Decision:
    """Whether ``host`` can run what is in ``package`` at all."""
    decision = may_deploy_to(host)
    if not decision:
        return decision
    if package.removing:
        return Decision(False, Reason(N_("The package is being removed."), code="removing"))
    if package.awaits_file:
        return Decision(
            False, Reason(N_("The package is still to come from its application store."))
        )
    if not package.has_file:
        return Decision(
            False, Reason(N_("The package's file is only at the edge where it was uploaded."))
        )
    kind = registry.kind_of(host.vim)
    if package.app_class not in kind.app_classes:
        text = N_("“%(host)s” runs %(kind)s, which cannot run a package of class “%(class)s”.")
        params = {"host": host.name, "kind": kind.label, "class": package.app_class}
        return Decision(False, Reason(text, code="wrong_class", params=params))
    return ALLOWED
