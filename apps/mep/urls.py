"""Mp1 below ``/mep``.  Other spellings are brought to these by ``addresses.SpellingsMiddleware``.

Ids are opaque: a word is an id that nobody has, and answered with 404 rather than 400.
"""

from __future__ import annotations

from django.urls import include, path

from apps.mep.api import (
    governance,
    health,
    liveness,
    mm5,
    registrations,
    services,
    subscriptions,
    support,
)
from apps.mep.api import tokens as token_api

service_management = [
    path("applications/<str:application_id>/services", services.ApplicationServicesView.as_view()),
    path(
        "applications/<str:application_id>/services/<str:service_id>",
        services.ApplicationServiceView.as_view(),
    ),
    path(
        "applications/<str:application_id>/services/<str:service_id>/liveness",
        liveness.LivenessView.as_view(),
    ),
    path("services", services.ServicesView.as_view()),
    path("services/<str:service_id>", services.ServiceView.as_view()),
    path("transports", services.TransportsView.as_view()),
    path(
        "applications/<str:application_id>/subscriptions",
        subscriptions.AvailabilitySubscriptionsView.as_view(),
    ),
    path(
        "applications/<str:application_id>/subscriptions/<str:subscription_id>",
        subscriptions.AvailabilitySubscriptionView.as_view(),
    ),
    path(
        "applications/<str:application_id>/subscriptions/<str:subscription_id>/notifications",
        subscriptions.MissedView.as_view(),
    ),
]
app_support = [
    path("applications/<str:application_id>/dns_rules", support.DnsRulesView.as_view()),
    path(
        "applications/<str:application_id>/dns_rules/<str:rule_id>", support.DnsRuleView.as_view()
    ),
    path("applications/<str:application_id>/traffic_rules", support.TrafficRulesView.as_view()),
    path(
        "applications/<str:application_id>/traffic_rules/<str:rule_id>",
        support.TrafficRuleView.as_view(),
    ),
    path(
        "applications/<str:application_id>/subscriptions",
        subscriptions.TerminationSubscriptionsView.as_view(),
    ),
    path(
        "applications/<str:application_id>/subscriptions/<str:subscription_id>",
        subscriptions.TerminationSubscriptionView.as_view(),
    ),
    path(
        "applications/<str:application_id>/subscriptions/<str:subscription_id>/notifications",
        subscriptions.MissedTerminationView.as_view(),
    ),
    path("applications/<str:application_id>/confirm_ready", support.ConfirmReadyView.as_view()),
    path(
        "applications/<str:application_id>/confirm_termination",
        support.ConfirmTerminationView.as_view(),
    ),
    path(
        "applications/<str:application_id>/AppInstanceTermination",
        mm5.AppInstanceTerminationView.as_view(),
    ),
    path("timing/timing_caps", support.TimingCapsView.as_view()),
    path("timing/current_time", support.CurrentTimeView.as_view()),
    path("registrations", registrations.RegistrationsView.as_view()),
    path("registrations/<str:application_id>", registrations.RegistrationView.as_view()),
]
urlpatterns = [
    path("health", health.HealthView.as_view()),
    path("token", token_api.ApplicationTokenView.as_view()),
    path("mec_service_mgmt/v1/", include(service_management)),
    path("mec_app_support/v1/", include(app_support)),
    path("appMng/v1/applications/<str:application_id>/confs", mm5.CredentialsView.as_view()),
    path("service_govern/v1/kong_log", governance.CallsView.as_view()),
    path("service_govern/v1/subscribe_statistic", governance.SubscribeStatisticView.as_view()),
    path("service_govern/v1/services", governance.GovernedServicesView.as_view()),
]
