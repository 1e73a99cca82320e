"""Mm5: credentials, rules and end of an application, and the platform's capabilities."""

from __future__ import annotations

import threading
import time
from typing import Any, Literal

from django.db import transaction
from django.http import HttpResponse
from django.utils.translation import gettext_noop as N_
from rest_framework.request import Request

from apps.common.errors import DomainError, Invalid, NotFound
from apps.common.words import Reason
from apps.mep import applications, documents, locking, rules, termination
from apps.mep.access import as_uuid, find_application, unknown
from apps.mep.answers import (
    AppDConfigAnswer,
    Capability,
    ConfsAnswer,
    StoredConfs,
    TaskProgress,
)
from apps.mep.api.base import answer
from apps.mep.api.description import described
from apps.mep.api.management import ManagementView
from apps.mep.bodies import as_plain, read
from apps.mep.models import Application, ConfigTask, Rule
from apps.mep.selectors import capabilities_for, consumers_for
from apps.mep.types import UUID
from apps.mep.types_mm5 import AppDConfig, Confs

APPD_BYTES = 32 * 1024
# Each holds one of the few threads that applications are answered by, their confirmations too.
WAITING_AT_ONCE = 2
LOOK_SECONDS = 0.1
NEW: dict[str, Any] = {
    "type": "string", "pattern": UUID, "description": "The UUID of an application instance.",
}
_waiting = threading.BoundedSemaphore(WAITING_AT_ONCE)


class Busy(DomainError):
    """Too many callers wait for applications to end."""

    status = 503
    title = N_("Busy")
    default_code = "busy"
    retryable = True
    retry_after = 5


class CredentialsView(ManagementView):
    """``/mep/appMng/v1/applications/{id}/confs``: the AK/SK of an application."""

    @described(body=Confs, answers={200: ConfsAnswer}, path={"application_id": NEW})
    @transaction.atomic
    def put(self, request: Request, application_id: str) -> HttpResponse:
        """Store the pair; an application that is not known yet is made."""
        body = read(request, Confs)
        key = as_uuid(application_id)
        if key is None:
            reason = Reason(N_("must be the UUID of the application instance"), "invalid")
            raise Invalid(N_("The request is not valid."), fields={"applicationId": reason})
        said = body.authInfo.credentials
        facts: dict[str, Any] = as_plain(body.appInfo) if body.appInfo else {}
        name = facts.get("appName") or (said.appName or "")
        application = applications.ensure(actor=self.actor, application_id=key, name=name)
        applications.configure(
            actor=self.actor,
            application=application,
            access_key=said.accessKeyId,
            secret_key=said.secretKey,
            required_services=facts.get("requiredServices", []),
        )
        # As the original echoes it, without the secret.
        return answer({"authInfo": {"credentials": {"accessKeyId": said.accessKeyId}}})

    @described(answers={200: StoredConfs})
    def get(self, request: Request, application_id: str) -> HttpResponse:
        """What is stored; the secret never comes back."""
        application = self.application(application_id)
        row = getattr(application, "credential", None)
        if row is None:
            raise unknown(N_("This application has no AK/SK."))
        return answer(
            {
                "app_ins_id": str(application.pk),
                "ak": row.access_key,
                "app_name": application.name,
                "required_services": row.required_services,
            }
        )

    @described(answers={200: Literal["Delete success."]})
    def delete(self, request: Request, application_id: str) -> HttpResponse:
        """Remove the pair; tokens made with it end."""
        application = self.application(application_id)
        if not applications.remove_credentials(actor=self.actor, application=application):
            raise unknown(N_("This application has no AK/SK."))
        return answer("Delete success.")


class AppInstanceTerminationView(ManagementView):
    """``…/applications/{id}/AppInstanceTermination``: everything of an application, in one call."""

    @described(answers={200: Literal[""]}, problems=(503,))
    def delete(self, request: Request, application_id: str) -> HttpResponse:
        """Announce the end, wait for the application's confirmation, remove all that it had.

        Of an application that is not known there is nothing to end, which is what was asked for:
        the original answers 200 to that as well, and its controller, which calls again when an
        answer is lost, must not take the second one for a failure.  An id that no application can
        have is none, and not found.
        """
        if as_uuid(application_id) is not None and find_application(application_id) is None:
            return answer("")
        application = self.application(application_id)
        if termination.begin(actor=self.actor, application=application):
            if not _waiting.acquire(blocking=False):
                raise Busy(N_("Other applications are ending just now; call again."))
            try:
                _await_end(application)
            finally:
                _waiting.release()
        applications.remove(actor=self.actor, application_id=application.pk)
        return answer("")


class AppdConfigurationView(ManagementView):
    """``/mepcfg/app_lcm/v1/applications/{id}/appd_configuration``."""

    @described(answers={200: AppDConfigAnswer})
    def get(self, request: Request, application_id: str) -> HttpResponse:
        """The configuration as it is now."""
        return answer(_configuration(self._configured(application_id)))

    @described(body=AppDConfig, answers={200: TaskProgress})
    @transaction.atomic
    def post(self, request: Request, application_id: str) -> HttpResponse:
        """Configure an application for the first time; the platform may not know it yet."""
        body = read(request, AppDConfig, most=APPD_BYTES)
        key = as_uuid(application_id)
        if key is None:
            raise unknown(N_("There is no such application instance."))
        application = applications.ensure(actor=self.actor, application_id=key, name=body.appName)
        if application.appd is not None:
            raise _wrong("appInstanceId", N_("is configured already; change it with PUT"))
        return self._store(application, body)

    @described(body=AppDConfig, answers={200: TaskProgress})
    @transaction.atomic
    def put(self, request: Request, application_id: str) -> HttpResponse:
        """Change it; NotFound when nothing would change."""
        application = self._locked(application_id)
        body = read(request, AppDConfig, most=APPD_BYTES)
        had = application.appd or {}
        if body.appName != had.get("appName"):
            raise _wrong("appName", N_("cannot be changed"))
        before = _comparable(_configuration(application))
        wanted = _comparable(as_plain(body) | {"appDNSRule": as_plain(body.dns_rules)})
        if before == wanted:
            raise NotFound(N_("There is nothing to change."), message="no modification data")
        return self._store(application, body)

    @described(answers={200: TaskProgress})
    @transaction.atomic
    def delete(self, request: Request, application_id: str) -> HttpResponse:
        """Remove all rules of the application."""
        application = self._locked(application_id)
        task = rules.replace_all(
            actor=self.actor, application=application, dns={}, traffic={}, appd=None
        )
        return answer(_progress(task))

    def _configured(self, application_id: str) -> Application:
        found = self.application(application_id)
        if found.appd is None:
            raise unknown(N_("This application has no configuration."))
        return found

    def _locked(self, application_id: str) -> Application:
        """The same, and nobody else configures it until the commit."""
        locking.application(self.application(application_id).pk)
        return self._configured(application_id)

    def _store(self, application: Application, body: AppDConfig) -> HttpResponse:
        taken = Application.objects.filter(appd__appName=body.appName).exclude(pk=application.pk)
        if taken.exists():
            raise _wrong("appName", N_("belongs to another application instance"))
        task = rules.replace_all(
            actor=self.actor,
            application=application,
            dns={rule.dnsRuleId: rules.plain(as_plain(rule)) for rule in body.dns_rules},
            traffic={
                rule.trafficRuleId: rules.plain(as_plain(rule)) for rule in body.appTrafficRule
            },
            appd={"appName": body.appName, "appSupportMp1": body.appSupportMp1},
        )
        return answer(_progress(task))


class TaskView(ManagementView):
    """``/mepcfg/app_lcm/v1/tasks/{taskId}/appd_configuration``."""

    @described(answers={200: TaskProgress})
    def get(self, request: Request, task_id: str) -> HttpResponse:
        """How an order to configure went."""
        key = as_uuid(task_id)
        task = ConfigTask.objects.filter(pk=key).first() if key else None
        if task is None:
            raise unknown(N_("There is no such task."))
        self.application(str(task.application_id))
        return answer(_progress(task))


class CapabilitiesView(ManagementView):
    """``/mepcfg/mec_platform_config/v1/capabilities``."""

    @described(answers={200: list[Capability]})
    def get(self, request: Request) -> HttpResponse:
        """Every service of the platform, with the applications that subscribed to it."""
        rows = list(capabilities_for(self.actor))
        consumers = consumers_for(self.actor, rows)
        return answer([documents.capability(row, consumers[row.pk]) for row in rows])


class CapabilityView(ManagementView):
    """``/mepcfg/mec_platform_config/v1/capabilities/{capabilityId}``."""

    @described(answers={200: Capability})
    def get(self, request: Request, capability_id: str) -> HttpResponse:
        """One service."""
        key = as_uuid(capability_id)
        found = capabilities_for(self.actor).filter(pk=key).first() if key else None
        if found is None:
            raise unknown(N_("There is no such capability."))
        consumers = consumers_for(self.actor, [found])[found.pk]
        return answer(documents.capability(found, consumers))


def _await_end(application: Application) -> None:
    """Look until the application has confirmed or its graceful time is over."""
    while True:
        found = Application.objects.filter(pk=application.pk).first()
        if found is None or termination.is_over(found):
            return
        time.sleep(LOOK_SECONDS)


def _progress(task: ConfigTask) -> dict[str, Any]:
    """TaskProgress, with the original's capital D and without."""
    return {
        "taskId": str(task.pk),
        "appInstanceId": str(task.application_id),
        "configResult": task.result,
        "configPhase": str(task.progress),
        "progress": task.progress,
        "Detailed": task.detail,
        "detailed": task.detail,
    }


def _configuration(application: Application) -> dict[str, Any]:
    found: dict[str, list[Any]] = {Rule.Kind.DNS: [], Rule.Kind.TRAFFIC: []}
    for row in application.rules.all():
        found[row.kind].append(documents.rule(row))
    return {
        "appName": (application.appd or {}).get("appName", application.name),
        "appSupportMp1": (application.appd or {}).get("appSupportMp1", True),
        "appTrafficRule": found[Rule.Kind.TRAFFIC],
        "appDNSRule": found[Rule.Kind.DNS],
    }


def _comparable(configuration: dict[str, Any]) -> dict[str, Any]:
    """A configuration in which order and spelling of lists and of one destination do not count."""
    rules_of = {}
    for name, key in (("appDNSRule", "dnsRuleId"), ("appTrafficRule", "trafficRuleId")):
        for body in configuration.get(name, []):
            destination = body.get("dstInterface")
            single = isinstance(destination, list) and len(destination) == 1
            plain = rules.plain(body)
            rules_of[name, body[key]] = plain | ({"dstInterface": destination[0]} if single else {})
    return {"rules": rules_of, "mp1": configuration.get("appSupportMp1", True)}


def _wrong(field: str, text: str) -> Invalid:
    return Invalid(N_("The request is not valid."), fields={field: Reason(text, "invalid")})
