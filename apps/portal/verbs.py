"""The journal's verbs as words, and where the things it names are shown.  Writes nothing."""

from __future__ import annotations

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.instances.states import OperationKind
from apps.journal.models import Entry
from apps.portal.conflict_words import SIDE_NAMES, field_name
from apps.tenants.actors import SYSTEM

_SENTENCES: dict[str, Promise] = {
    "tenants.tenant.created": _("created the tenant"),
    "tenants.tenant.updated": _("changed the tenant"),
    "tenants.tenant.removed": _("removed the tenant"),
    "tenants.tenant.quotas_changed": _("changed the quotas of the tenant"),
    "tenants.user.updated": _("changed the user"),
    "tenants.user.removed": _("removed the user"),
    "rules.configuration.configured": _("ordered other rules for"),
    "rules.configuration.removed": _("ordered to remove the rules of"),
    "rules.configuration.forgotten": _("removed the rules of"),
    "rules.configuration.reported": _("took over from its edge the rules of"),
    "rules.configuration.contested": _("found that both sites had changed the rules of"),
    "rules.configuration.settled": _("settled what both sites had changed of the rules of"),
    "rules.task.success": _("handed over the rules:"),
    "rules.task.failure": _("could not hand over the rules:"),
    "tenants.user.created": _("created the user"),
    "tenants.user.enabled": _("switched on the user"),
    "tenants.user.disabled": _("switched off the user"),
    "tenants.user.password_changed": _("changed the password of"),
    "tenants.user.password_reset": _("reset the password of"),
    "tenants.user.cached": _("let in from the center the user"),
    "tenants.signingkey.rotated": _("made the new signing key"),
    "tenants.signingkey.learned": _("took over the new signing key of"),
    "sync.invitation.created": _("invited the edge"),
    "sync.invitation.withdrawn": _("withdrew the invitation of the edge"),
    "sync.invitation.used": _("let in by invitation the edge"),
    "sync.center.joined": _("joined the center"),
    "sync.center.left": _("left the center"),
    "hosts.applcm.revoked": _("shut out the edge"),
    "hosts.applcm.autonomy_set": _("set the autonomy time of the edge"),
    "hosts.applcm.registered": _("registered the AppLCM"),
    "hosts.applcm.updated": _("changed the AppLCM"),
    "hosts.applcm.removed": _("removed the AppLCM"),
    "hosts.applcm.reachable": _("reached the AppLCM"),
    "hosts.applcm.unreachable": _("lost the AppLCM"),
    "hosts.apprulemanager.registered": _("registered the rule manager"),
    "hosts.apprulemanager.updated": _("changed the rule manager"),
    "hosts.apprulemanager.removed": _("removed the rule manager"),
    "hosts.apprulemanager.reachable": _("reached the rule manager"),
    "hosts.apprulemanager.unreachable": _("lost the rule manager"),
    "hosts.appstore.registered": _("registered the app store"),
    "hosts.appstore.updated": _("changed the app store"),
    "hosts.appstore.removed": _("removed the app store"),
    "hosts.apprepo.registered": _("registered the app repository"),
    "hosts.apprepo.updated": _("changed the app repository"),
    "hosts.apprepo.removed": _("removed the app repository"),
    "hosts.apprecord.registered": _("told of the application"),
    "hosts.apprecord.updated": _("changed what it told of the application"),
    "hosts.apprecord.removed": _("took back what it told of the application"),
    "hosts.host.registered": _("registered the host"),
    "hosts.host.updated": _("changed the host"),
    "hosts.host.shared": _("chose the tenants of the host"),
    "hosts.host.cordoned": _("closed to new instances the host"),
    "hosts.host.uncordoned": _("opened to new instances the host"),
    "hosts.host.draining": _("began to drain the host"),
    "hosts.host.drain_stopped": _("ended the draining of the host"),
    "hosts.host.drained": _("finished the draining of the host"),
    "hosts.host.removing": _("ordered the removal of the host"),
    "hosts.host.removed": _("removed the host"),
    "hosts.host.settings_changed": _("changed the driver settings of the host"),
    "hosts.host.credentials_stored": _("stored credentials for the host"),
    "hosts.host.credentials_removed": _("removed the credentials of the host"),
    "hosts.host.delivered": _("delivered the configuration of the host"),
    "hosts.host.not_delivered": _("could not deliver the configuration of the host"),
    "hosts.host.reported": _("took over from its edge the host"),
    "hosts.host.contested": _("found that both sites had changed the host"),
    "hosts.host.settled": _("settled what both sites had changed of the host"),
    "hosts.host.reachable": _("reached the host"),
    "hosts.host.unreachable": _("lost the host"),
    "packages.package.onboarded": _("uploaded the package"),
    "packages.package.refused": _("tried to upload the package"),
    "packages.package.reported": _("took over from its edge the package"),
    "packages.package.removing": _("ordered the removal of the package"),
    "packages.package.removed": _("removed the package"),
    "packages.package.ordered": _("took from an application store the package"),
    "packages.store_package.ordered": _("ordered to fetch the package"),
    "packages.store_package.arrived": _("fetched the package"),
    "packages.store_package.failed": _("could not fetch the package"),
    "packages.distribution.ordered": _("ordered the distribution"),
    "packages.distribution.arrived": _("finished the distribution"),
    "packages.distribution.failed": _("could not finish the distribution"),
    "packages.distribution.withdrawing": _("ordered to take off"),
    "packages.distribution.withdrawn": _("took off"),
    "images.image.ordered": _("ordered the image"),
    "images.image.arrived": _("brought to its host the image"),
    "images.image.failed": _("could not bring the image"),
    "images.image.removing": _("ordered the end of the image"),
    "images.image.removed": _("took from its host the image"),
    "images.snapshot.ordered": _("ordered an image of the server"),
    "images.snapshot.removing": _("ordered the end of the image"),
    "instances.instance.create": _("ordered to create the instance"),
    "instances.instance.created": _("created the instance"),
    "instances.instance.create_failed": _("could not create the instance"),
    "instances.instance.instantiate": _("ordered to start the instance"),
    "instances.instance.instantiated": _("started the instance"),
    "instances.instance.instantiation_failed": _("could not start the instance"),
    "instances.instance.terminate": _("ordered to terminate the instance"),
    "instances.instance.terminated": _("terminated the instance"),
    "instances.instance.terminate_failed": _("could not terminate the instance"),
    "instances.instance.observed": _("saw another health of the instance"),
    "instances.instance.reported": _("took over from its edge the instance"),
    "instances.operation.queued": _("queued the work"),
    "instances.operation.succeeded": _("finished the work"),
    "instances.operation.failed": _("gave up the work"),
    "instances.operation.cancelled": _("cancelled the work"),
    "instances.instance.upgrade": _("ordered to upgrade the instance"),
    "instances.server.start": _("ordered to start the server"),
    "instances.server.stop": _("ordered to stop the server"),
    "instances.server.reboot_soft": _("ordered to reboot the server"),
    "instances.server.reboot_hard": _("ordered a hard reboot of the server"),
    "instances.server.pause": _("ordered to pause the server"),
    "instances.server.unpause": _("ordered to go on after its pause the server"),
    "instances.server.suspend": _("ordered to suspend the server"),
    "instances.server.resume": _("ordered to resume the server"),
    "instances.server.createConsole": _("opened the screen of the server"),
    "instances.rollout.started": _("began the upgrade to"),
    "instances.rollout.finished": _("finished the upgrade to"),
    "instances.rollout.stopped": _("stopped the upgrade to"),
    "sync.edge.alive": _("heard again of the edge"),
    "sync.edge.cut_off": _("lost the link to the edge"),
    "sync.edge.dead": _("has not heard for too long of the edge"),
    "sync.edge.revoked": _("shut out the edge"),
    "sync.edge.unknown": _("has never heard of the edge"),
    "sync.run.asked": _("asked for the changes of the edge"),
    "sync.center.away": _("lost the link to the center"),
    "sync.center.back": _("heard again of the center"),
    "mep.application.registered": _("registered the application"),
    "mep.application.updated": _("changed the registration of the application"),
    "mep.application.left": _("ended the registration of the application"),
    "mep.application.removed": _("removed the application"),
    "mep.application.ready": _("said that it is ready:"),
    "mep.application.credentials_stored": _("stored an AK/SK for the application"),
    "mep.application.credentials_removed": _("removed the AK/SK of the application"),
    "mep.application.rule_updated": _("changed a rule of the application"),
    "mep.application.rules_configured": _("configured the rules of the application"),
    "mep.application.termination_announced": _("announced its end to the application"),
    "mep.application.termination_confirmed": _("confirmed that it may end:"),
    "mep.application.termination_lapsed": _("took back the announced end of the application"),
    "mep.service.registered": _("registered the service"),
    "mep.service.updated": _("changed the service"),
    "mep.service.removed": _("removed the service"),
    "mep.service.observed": _("took over from its edge the service"),
    "mep.service.forgotten": _("noted that its edge removed the service"),
    "mep.subscription.created": _("subscribed with the callback"),
    "mep.subscription.removed": _("removed the subscription of the callback"),
}

# Kind of the subject: the page about it, and where the entry has its id, if not as its subject.
_PAGES = {
    "mechost": ("host", ""),
    "package": ("package", ""),
    "appinstance": ("instance", ""),
    "distribution": ("package", "package_id"),
    "hostimage": ("host", "host_id"),
    "lcmoperation": ("instance", "instance_id"),
    "appdconfiguration": ("instance", "instance_id"),
    "ruletask": ("instance", "instance_id"),
    "rollout": ("upgrade", ""),
    "mecservice": ("mep_service", ""),
    "application": ("mep_application", ""),
    "subscription": ("mep_subscription", ""),
    "syncrun": ("sync_run", ""),
    "applcm": ("edge", ""),
    "invitation": ("invitation", ""),
}


# What is called by the name that its entry tells, and not by how its row is written.
_NAMED = frozenset({"lcmoperation", "ruletask"})


def sentence(entry: Entry) -> str:
    """What was done; a verb without words is shown as it is stored."""
    said = str(_SENTENCES.get(entry.verb, entry.verb))
    kind = dict(OperationKind.choices).get(_told(entry, "kind")) if _is_work(entry) else None
    if not kind:
        return said
    which = gettext("“%(kind)s” of") % {"kind": kind}
    return f"{said} {which}"


def doer(entry: Entry) -> str:
    """Who did it, by name."""
    if entry.actor_id == SYSTEM.actor_id:
        return gettext("the system")
    # An application speaks for itself under its id.
    if entry.actor_name == f"application {entry.actor_id}":
        return gettext("the application %(id)s") % {"id": entry.actor_id[:8]}
    if _told(entry, "on_behalf_of"):
        return gettext("%(name)s on behalf of the tenant") % {"name": entry.actor_name}
    return entry.actor_name


def subject(entry: Entry) -> str:
    """On what it was done, by name."""
    key = "edge" if entry.kind == "syncrun" else "name" if entry.kind in _NAMED else ""
    name = (_told(entry, key) if key else "") or entry.subject_name
    # What is done to a server, or to an image of one, is told of its instance or its host.
    part = _told(entry, "server" if _told(entry, "server_id") else "image")
    return f"{part} ({name})" if part else name


def chosen(entry: Entry) -> str:
    """Which side somebody chose for each field that two sites had contested; else empty."""
    choices = entry.data.get("choices") if isinstance(entry.data, dict) else None
    if not isinstance(choices, dict):
        return ""
    return "; ".join(
        f"{field_name(name)}: {SIDE_NAMES[side]}"
        for name, side in sorted(choices.items())
        if side in SIDE_NAMES
    )


def _is_work(entry: Entry) -> bool:
    return entry.kind == "lcmoperation"


def _told(entry: Entry, key: str) -> str:
    return str(entry.data.get(key) or "") if isinstance(entry.data, dict) else ""


def known() -> frozenset[str]:
    """The verbs that have words."""
    return frozenset(_SENTENCES)


def address(entry: Entry) -> str:
    """The page about the subject of ``entry``, empty where there is none."""
    if entry.verb.endswith((".removed", ".terminated")):
        return ""
    page, key = _PAGES.get(entry.kind, ("", ""))
    identity = _told(entry, key) if key else entry.subject_id
    return reverse(page, args=[identity]) if page and identity else ""
