"""``/apprulemgr/v1`` and ``/apprule/v1``: asking for changes of rules."""

from django.urls import path

from apps.sync import api_lcm as api

RULES = "tenants/<uuid:tenant_id>/app_instances/appd_configuration"

urlpatterns = [
    path(f"{RULES}/sync_updated", api.UpdatedRulesView.as_view()),
    path(f"{RULES}/sync_deleted", api.DeletedRulesView.as_view()),
]
