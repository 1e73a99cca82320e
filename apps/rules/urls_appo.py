"""``/appo/v1``: orders to configure rules."""

from django.urls import path

from apps.rules import api

I = "app_instances/<uuid:instance_id>/appd_configuration"  # noqa: E741 - reads as the URL does
TASK = "apprule_task_infos/<uuid:task_id>"

urlpatterns = [
    path(I, api.RuleOrderView.as_view()),
    path(TASK, api.RuleTaskView.as_view()),
    path(f"tenants/<uuid:tenant_id>/{I}", api.RuleOrderView.as_view()),
    path(f"tenants/<uuid:tenant_id>/{TASK}", api.RuleTaskView.as_view()),
]
