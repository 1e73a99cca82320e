"""What the endpoints of the MEC platform answer to every asker; the columns are those of table."""

from __future__ import annotations

_SERVICES, _SUPPORT = "mep/mec_service_mgmt/v1", "mep/mec_app_support/v1"
_OF = "applications/{application_id}"
_CFG = "mepcfg/app_lcm/v1"


def _mp1(answer, last=""):
    return f"401 401 403 403 403 {answer} 403 {last or answer}"


PLATFORM = {
    "GET mep/health": "200 200 200 200 200 200 200 200",
    # The signature is the only proof that counts here, and none of the askers has one.
    "POST mep/token": "401 401 401 401 401 401 401 401",
    f"GET {_SERVICES}/services": _mp1(200),
    f"GET {_SERVICES}/services/{{service_id}}": _mp1(200),
    f"GET {_SERVICES}/transports": _mp1(200),
    f"GET {_SERVICES}/{_OF}/services": _mp1(200),
    f"POST {_SERVICES}/{_OF}/services": _mp1(201),
    f"GET {_SERVICES}/{_OF}/services/{{service_id}}": _mp1(200),
    f"PUT {_SERVICES}/{_OF}/services/{{service_id}}": _mp1(200),
    f"DELETE {_SERVICES}/{_OF}/services/{{service_id}}": _mp1(204),
    f"GET {_SERVICES}/{_OF}/services/{{service_id}}/liveness": _mp1(200),
    # The first heartbeat is told the interval, the second has nothing to be told.
    f"PATCH {_SERVICES}/{_OF}/services/{{service_id}}/liveness": _mp1(200, 204),
    f"PUT {_SERVICES}/{_OF}/services/{{service_id}}/liveness": _mp1(204),
    f"GET {_SERVICES}/{_OF}/subscriptions": _mp1(200),
    f"POST {_SERVICES}/{_OF}/subscriptions": _mp1(201),
    f"GET {_SERVICES}/{_OF}/subscriptions/{{subscription_id}}": _mp1(200),
    f"DELETE {_SERVICES}/{_OF}/subscriptions/{{subscription_id}}": _mp1(204),
    f"GET {_SERVICES}/{_OF}/subscriptions/{{subscription_id}}/notifications": _mp1(200),
    f"GET {_SUPPORT}/{_OF}/subscriptions": _mp1(200),
    f"POST {_SUPPORT}/{_OF}/subscriptions": _mp1(201),
    f"GET {_SUPPORT}/{_OF}/subscriptions/{{subscription_id}}": _mp1(200),
    f"DELETE {_SUPPORT}/{_OF}/subscriptions/{{subscription_id}}": _mp1(204),
    f"GET {_SUPPORT}/{_OF}/subscriptions/{{subscription_id}}/notifications": _mp1(200),
    f"GET {_SUPPORT}/{_OF}/dns_rules": _mp1(200),
    f"GET {_SUPPORT}/{_OF}/dns_rules/{{rule_id}}": _mp1(200),
    f"PUT {_SUPPORT}/{_OF}/dns_rules/{{rule_id}}": _mp1(200),
    f"GET {_SUPPORT}/{_OF}/traffic_rules": _mp1(200),
    f"GET {_SUPPORT}/{_OF}/traffic_rules/{{rule_id}}": _mp1(200),
    f"PUT {_SUPPORT}/{_OF}/traffic_rules/{{rule_id}}": _mp1(200),
    f"POST {_SUPPORT}/{_OF}/confirm_ready": _mp1(204),
    f"POST {_SUPPORT}/{_OF}/confirm_termination": _mp1(409),
    f"GET {_SUPPORT}/timing/timing_caps": _mp1(200),
    f"GET {_SUPPORT}/timing/current_time": _mp1(200),
    f"POST {_SUPPORT}/registrations": _mp1(201),
    f"GET {_SUPPORT}/registrations/{{application_id}}": _mp1(200),
    f"PUT {_SUPPORT}/registrations/{{application_id}}": _mp1(204),
    f"DELETE {_SUPPORT}/registrations/{{application_id}}": _mp1(204),
    # Mm5: people look at what is their tenant's, administrators change it.
    f"DELETE {_SUPPORT}/{_OF}/AppInstanceTermination": "401 401 403 403 403 200 403 200",
    f"GET mep/appMng/v1/{_OF}/confs": "401 401 404 200 200 200 200 200",
    f"PUT mep/appMng/v1/{_OF}/confs": "401 401 403 403 403 200 403 200",
    f"DELETE mep/appMng/v1/{_OF}/confs": "401 401 403 403 403 200 403 200",
    f"GET {_CFG}/{_OF}/appd_configuration": "401 401 404 200 200 200 200 200",
    # It is configured already.
    f"POST {_CFG}/{_OF}/appd_configuration": "401 401 403 403 403 400 403 400",
    f"PUT {_CFG}/{_OF}/appd_configuration": "401 401 403 403 403 200 403 200",
    f"DELETE {_CFG}/{_OF}/appd_configuration": "401 401 403 403 403 200 403 200",
    f"GET {_CFG}/tasks/{{task_id}}/appd_configuration": "401 401 404 200 200 200 200 200",
    "GET mepcfg/mec_platform_config/v1/capabilities": "401 401 200 200 200 200 200 200",
    "GET mepcfg/mec_platform_config/v1/capabilities/{capability_id}":
        "401 401 404 200 200 200 200 200",
    "GET mep/service_govern/v1/kong_log": "401 401 200 200 200 200 200 200",
    "POST mep/service_govern/v1/kong_log": "401 401 403 403 403 200 403 200",
    "GET mep/service_govern/v1/services": "401 401 200 200 200 200 200 200",
    "GET mep/service_govern/v1/subscribe_statistic": "401 401 200 200 200 200 200 200",
}
