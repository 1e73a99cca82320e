"""Application support of Mp1: rules, timing, readiness, termination, registration."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
from django.http import HttpResponse
from django.utils.translation import gettext_noop as N_
from rest_framework.request import Request

from apps.mep import documents, rules, termination, timing
from apps.mep.access import unknown
from apps.mep.answers import CurrentTime, DnsRuleAnswer, TimingCaps, TrafficRuleAnswer
from apps.mep.api.base import Mp1View, answer, check_match, nothing, single
from apps.mep.api.description import described
from apps.mep.bodies import as_plain, read
from apps.mep.models import Rule
from apps.mep.types import AppReadyConfirmation, AppTerminationConfirmation, DnsRule, TrafficRule


class _RulesView(Mp1View):
    """The rules of one kind."""

    kind: str
    answered: ClassVar[Any]

    @described(answers={200: "answered"})
    def get(self, request: Request, application_id: str) -> HttpResponse:
        """All rules of the application."""
        application = self.application(application_id)
        rows = application.rules.filter(kind=self.kind)
        return answer([documents.rule(row) for row in rows])


class _RuleView(Mp1View):
    """One rule of one kind."""

    kind: str
    document: ClassVar[type[msgspec.Struct]]
    answered: ClassVar[Any]

    @described(answers={200: "answered"}, etag=True)
    def get(self, request: Request, application_id: str, rule_id: str) -> HttpResponse:
        """The rule."""
        return single(documents.rule(self._rule(application_id, rule_id)))

    @described(body="document", answers={200: "answered"}, etag=True, if_match=True)
    def put(self, request: Request, application_id: str, rule_id: str) -> HttpResponse:
        """Replace it, its state among the rest; the path's id wins over the body's."""
        row = self._rule(application_id, rule_id)
        body: dict[str, Any] = rules.plain(as_plain(read(request, self.document)))
        row = rules.update(
            actor=self.caller.actor, application=row.application, rule=row, body=body,
            match=lambda row: check_match(request, documents.rule(row)),
        )
        return single(documents.rule(row))

    def _rule(self, application_id: str, rule_id: str) -> Rule:
        application = self.application(application_id)
        row = application.rules.filter(kind=self.kind, rule_id=rule_id).first()
        if row is None:
            raise unknown(N_("There is no such rule."))
        return row


class DnsRulesView(_RulesView):
    """``/applications/{appInstanceId}/dns_rules`` (clause 7.2.5)."""

    kind = Rule.Kind.DNS
    answered = list[DnsRuleAnswer]


class DnsRuleView(_RuleView):
    """``/applications/{appInstanceId}/dns_rules/{dnsRuleId}`` (clause 7.2.6)."""

    kind = Rule.Kind.DNS
    document = DnsRule
    answered = DnsRuleAnswer


class TrafficRulesView(_RulesView):
    """``/applications/{appInstanceId}/traffic_rules`` (clause 7.2.3)."""

    kind = Rule.Kind.TRAFFIC
    answered = list[TrafficRuleAnswer]


class TrafficRuleView(_RuleView):
    """``/applications/{appInstanceId}/traffic_rules/{trafficRuleId}`` (clause 7.2.4)."""

    kind = Rule.Kind.TRAFFIC
    document = TrafficRule
    answered = TrafficRuleAnswer


class TimingCapsView(Mp1View):
    """``/timing/timing_caps`` (clause 7.2.11)."""

    @described(answers={200: TimingCaps})
    def get(self, request: Request) -> HttpResponse:
        """Which clocks an application may follow."""
        self.check_query()
        return answer(timing.capabilities())


class CurrentTimeView(Mp1View):
    """``/timing/current_time`` (clause 7.2.12)."""

    @described(answers={200: CurrentTime})
    def get(self, request: Request) -> HttpResponse:
        """The platform's time, and whether it is locked to UTC."""
        self.check_query()
        return answer(timing.current_time())


class ConfirmReadyView(Mp1View):
    """``/applications/{appInstanceId}/confirm_ready`` (clause 7.2.15)."""

    @described(body=AppReadyConfirmation, answers={204: None}, problems=(409,))
    def post(self, request: Request, application_id: str) -> HttpResponse:
        """The application is up."""
        application = self.application(application_id)
        read(request, AppReadyConfirmation)
        termination.ready(actor=self.caller.actor, application=application)
        return nothing()


class ConfirmTerminationView(Mp1View):
    """``/applications/{appInstanceId}/confirm_termination`` (clause 7.2.10)."""

    @described(body=AppTerminationConfirmation, answers={204: None}, problems=(409,))
    def post(self, request: Request, application_id: str) -> HttpResponse:
        """The application is ready to be stopped or terminated."""
        application = self.application(application_id)
        body = read(request, AppTerminationConfirmation)
        termination.confirm(
            actor=self.caller.actor, application=application, action=body.operationAction
        )
        return nothing()
