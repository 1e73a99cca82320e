"""Service governance: how often the registry is used, and who subscribed to what."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpResponse
from rest_framework.request import Request

from apps.mep import calls, documents
from apps.mep.answers import CallStatistic, GovernedServices, SubscribeStatistic
from apps.mep.api.base import answer
from apps.mep.api.description import described
from apps.mep.api.management import ManagementView
from apps.mep.bodies import read
from apps.mep.governance import calls_of_services, relations
from apps.mep.selectors import services_for
from apps.mep.types_mm5 import GatewayLog


class CallsView(ManagementView):
    """``/mep/service_govern/v1/kong_log``: calls of the last seven days, today first (UTC)."""

    @described(answers={200: CallStatistic})
    def get(self, request: Request) -> HttpResponse:
        """Calls per registered service, as its gateway reported them, and of the registry."""
        own = calls.last_days([calls.REGISTER, calls.DISCOVER])
        return answer(
            {
                "appServices": [_series(*one) for one in calls_of_services(self.actor).items()],
                "mepServices": [_series(*one) for one in own.items()],
            }
        )

    @described(body=GatewayLog, answers={200: Literal[""]})
    def post(self, request: Request) -> HttpResponse:
        """One record of a gateway's http-log plug-in."""
        calls.count(read(request, GatewayLog).service.name[:128])
        return answer("")


class SubscribeStatisticView(ManagementView):
    """``/mep/service_govern/v1/subscribe_statistic``."""

    @described(answers={200: SubscribeStatistic})
    def get(self, request: Request) -> HttpResponse:
        """How many applications subscribed to how many services, and which to which."""
        pairs = relations(self.actor)
        return answer(
            {
                "subscribeNum": {
                    "appSubscribeNum": len(pairs),
                    "serviceSubscribedNum": len({key for ids in pairs.values() for key in ids}),
                },
                "subscribeRelations": [
                    {"subscribeAppId": str(app), "serviceList": sorted(map(str, ids))}
                    for app, ids in pairs.items()
                ],
            }
        )


class GovernedServicesView(ManagementView):
    """``/mep/service_govern/v1/services``."""

    @described(answers={200: GovernedServices})
    def get(self, request: Request) -> HttpResponse:
        """All services, each with its application, in the wrapper of later releases."""
        rows = [
            documents.service(row) | {"appInstanceId": str(row.application_id)}
            for row in services_for(self.actor)
        ]
        return answer({"data": rows, "retCode": 0, "message": "", "params": None})


def _series(name: str, times: list[int]) -> dict[str, Any]:
    return {"name": name, "desc": "", "callTimes": times}
