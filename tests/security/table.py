"""What every API endpoint answers to every asker: written by hand, and read by nobody but tests.

Columns of the center:  anonymous, a token that does not hold, stranger (a user of another tenant
who asks about red's things), tenant (red's own user), guest (of red), admin.  The second column is
asked three times: with a token that is none, with an administrator's that has expired, and with one
that another signer made under our key's name.
Columns of an edge: the same for its own people, then the center's link with an order of red's user,
and with the center's own work.
"""

from __future__ import annotations

from tests.security.table_images import CENTER_IMAGES, EDGE_IMAGES
from tests.security.table_platform import PLATFORM
from tests.security.table_sync import CENTER_SYNC, EDGE_SYNC

CENTER_ASKERS = ("anonymous", "bad", "stranger", "tenant", "guest", "admin")
EDGE_ASKERS = (*CENTER_ASKERS, "link_tenant", "link_center")
# Who else the cell of a column is about.
ALSO = {"bad": ("expired", "foreign")}

# What every site has.
_AUTH = {
    "GET healthz": "200 200 200 200 200 200 200 200",
    "POST auth/v1/token": "200 200 200 200 200 200 200 200",
    "POST auth/v1/token/refresh": "200 200 200 200 200 200 200 200",
    "GET auth/v1/me": "401 401 200 200 200 200 200 200",
    "PUT auth/v1/password": "401 401 200 200 200 200 403 403",
    "GET auth/v1/tenants": "401 401 200 200 200 200 200 200",
    "POST auth/v1/tenants": "401 401 403 403 403 201 403 201",
    "GET auth/v1/users": "401 401 403 403 403 200 403 200",
    "POST auth/v1/users": "401 401 403 403 403 201 403 201",
    "GET tenants/v1/tenants": "401 401 200 200 200 200 200 200",
    "POST tenants/v1/tenants": "401 401 403 403 403 201 403 201",
    "GET tenants/v1/tenants/{tenant_id}": "401 401 404 200 200 200 200 200",
    "PUT tenants/v1/tenants/{tenant_id}": "401 401 403 403 403 200 403 200",
    # It has users and things.
    "DELETE tenants/v1/tenants/{tenant_id}": "401 401 403 403 403 409 403 409",
    "GET tenants/v1/tenants/{tenant_id}/quotas": "401 401 404 200 200 200 200 200",
    "PUT tenants/v1/tenants/{tenant_id}/quotas": "401 401 403 403 403 200 403 200",
    "GET tenants/v1/users": "401 401 403 403 403 200 403 200",
    "POST tenants/v1/users": "401 401 403 403 403 201 403 201",
    "GET tenants/v1/users/{user_id}": "401 401 403 403 403 200 403 200",
    "PUT tenants/v1/users/{user_id}": "401 401 403 403 403 200 403 200",
    "DELETE tenants/v1/users/{user_id}": "401 401 403 403 403 200 403 200",
    "GET api/v1/topology": "401 401 200 200 200 200 200 200",
    "GET api/v1/services/topology": "401 401 200 200 200 200 200 200",
    "GET api/schema": "200 200 200 200 200 200 200 200",
    "GET api/docs": "200 200 200 200 200 200 200 200",
}
_APM = "apm/v1/tenants/{tenant_id}"
_TENANT = f"{_APM}/packages"
_APPO = "appo/v1/tenants/{tenant_id}"
CENTER = {
    **{key: " ".join(cells.split()[:6]) for key, cells in _AUTH.items()},
    "GET inventory/v1/health": "200 200 200 200 200 200",
    "GET sync/v1/conflicts": "401 401 200 200 403 200",
    "GET sync/v1/conflicts/{kind}/{conflict_id}": "401 401 404 200 403 200",
    "POST sync/v1/conflicts/{kind}/{conflict_id}": "401 401 404 200 403 200",
    "GET inventory/v1/applcms": "401 401 200 200 200 200",
    "POST inventory/v1/applcms": "401 401 403 403 403 200",
    "DELETE inventory/v1/applcms": "401 401 403 403 403 409",
    "GET inventory/v1/applcms/{ip}": "401 401 200 200 200 200",
    "PUT inventory/v1/applcms/{ip}": "401 401 403 403 403 200",
    "DELETE inventory/v1/applcms/{ip}": "401 401 403 403 403 409",
    "GET inventory/v1/apprulemanagers": "401 401 200 200 200 200",
    "POST inventory/v1/apprulemanagers": "401 401 403 403 403 200",
    "DELETE inventory/v1/apprulemanagers": "401 401 403 403 403 200",
    "GET inventory/v1/apprulemanagers/{ip}": "401 401 200 200 200 200",
    "PUT inventory/v1/apprulemanagers/{ip}": "401 401 403 403 403 200",
    "DELETE inventory/v1/apprulemanagers/{ip}": "401 401 403 403 403 200",
    "GET inventory/v1/appstores": "401 401 200 200 200 200",
    "POST inventory/v1/appstores": "401 401 403 403 403 200",
    "DELETE inventory/v1/appstores": "401 401 403 403 403 200",
    "GET inventory/v1/appstores/{key}": "401 401 200 200 200 200",
    "PUT inventory/v1/appstores/{key}": "401 401 403 403 403 200",
    "DELETE inventory/v1/appstores/{key}": "401 401 403 403 403 200",
    "GET inventory/v1/apprepos": "401 401 200 200 200 200",
    "POST inventory/v1/apprepos": "401 401 403 403 403 200",
    "DELETE inventory/v1/apprepos": "401 401 403 403 403 200",
    "GET inventory/v1/apprepos/{key}": "401 401 200 200 200 200",
    "PUT inventory/v1/apprepos/{key}": "401 401 403 403 403 200",
    "DELETE inventory/v1/apprepos/{key}": "401 401 403 403 403 200",
    "GET inventory/v1/mepms": "401 401 200 200 200 200",
    "POST inventory/v1/mepms": "401 401 403 403 403 200",
    "DELETE inventory/v1/mepms": "401 401 403 403 403 409",
    "GET inventory/v1/mepms/{ip}": "401 401 200 200 200 200",
    "PUT inventory/v1/mepms/{ip}": "401 401 403 403 403 200",
    "DELETE inventory/v1/mepms/{ip}": "401 401 403 403 403 409",
    # No edge answers here: asking was allowed.
    "GET inventory/v1/mepms/{ip}/mechost/sync": "401 401 403 403 403 502",
    "POST inventory/v1/mepms/{ip}/mechost/sync": "401 401 403 403 403 502",
    "GET inventory/v1/tenants/{tenant_id}/mepms/{ip}/apprule/sync": "401 401 404 502 403 502",
    "POST inventory/v1/tenants/{tenant_id}/mepms/{ip}/apprule/sync": "401 401 404 502 403 502",
    "GET inventory/v1/mepms/{ip}/apprule/sync": "401 401 502 502 403 400",
    "POST inventory/v1/mepms/{ip}/apprule/sync": "401 401 502 502 403 400",
    "GET sync/v1/runs": "401 401 200 200 403 200",
    "GET sync/v1/runs/{run_id}": "401 401 404 200 403 200",
    # Without a tenant a stranger asks for their own things, on a host that is not open to them.
    **{
        f"{verb} inventory/v1/{prefix}mechosts/{{ip}}/{rest}": cells
        for prefix in ("tenants/{tenant_id}/", "")
        for verb, rest, cells in (
            ("GET", "capabilities", "401 401 404 200 200 200"),
            ("GET", "capabilities/{capability}/applications", "401 401 404 200 200 200"),
            ("GET", "apps", "401 401 404 200 200 200"),
            ("GET", "apps/{app_id}", "401 401 404 200 200 200"),
        )
    },
    "POST inventory/v1/tenants/{tenant_id}/mechosts/{ip}/apps": "401 401 404 200 403 200",
    "PUT inventory/v1/tenants/{tenant_id}/mechosts/{ip}/apps/{app_id}": "401 401 404 200 403 200",
    "DELETE inventory/v1/tenants/{tenant_id}/mechosts/{ip}/apps/{app_id}":
        "401 401 404 200 403 200",
    # An administrator has to name the tenant to write.
    "POST inventory/v1/mechosts/{ip}/apps": "401 401 404 200 403 400",
    "PUT inventory/v1/mechosts/{ip}/apps/{app_id}": "401 401 404 200 403 400",
    "DELETE inventory/v1/mechosts/{ip}/apps/{app_id}": "401 401 404 200 403 400",
    "GET inventory/v1/mechosts": "401 401 200 200 200 200",
    "POST inventory/v1/mechosts": "401 401 403 403 403 200",
    "DELETE inventory/v1/mechosts": "401 401 403 403 403 409",
    # The host of the path is open to red only.
    "GET inventory/v1/mechosts/{ip}": "401 401 404 200 200 200",
    "PUT inventory/v1/mechosts/{ip}": "401 401 403 403 403 200",
    "DELETE inventory/v1/mechosts/{ip}": "401 401 403 403 403 409",
    "GET inventory/v1/mechosts/{ip}/settings": "401 401 403 403 403 200",
    "PUT inventory/v1/mechosts/{ip}/settings": "401 401 403 403 403 200",
    "POST inventory/v1/mechosts/{ip}/k8sconfig": "401 401 403 403 403 200",
    "DELETE inventory/v1/mechosts/{ip}/k8sconfig": "401 401 403 403 403 200",
    "GET apm/v1/health": "200 200 200 200 200 200",
    f"POST {_TENANT}/upload": "401 401 404 202 403 202",
    f"GET {_TENANT}": "401 401 404 200 200 200",
    f"POST {_TENANT}": "401 401 404 202 403 202",
    f"GET {_TENANT}/{{package_id}}": "401 401 404 200 200 200",
    f"POST {_TENANT}/{{package_id}}": "401 401 404 202 403 202",
    f"DELETE {_TENANT}/{{package_id}}": "401 401 404 200 403 200",
    f"GET {_TENANT}/{{package_id}}/download": "401 401 404 200 403 200",
    f"DELETE {_TENANT}/{{package_id}}/hosts/{{ip}}": "401 401 404 200 403 200",
    f"POST {_APM}/app_package_infos/sync": "401 401 404 202 403 202",
    # Without a tenant: the caller's own; an administrator has to name one to write.
    "POST apm/v1/packages/upload": "401 401 202 202 403 400",
    "GET apm/v1/packages": "401 401 200 200 200 200",
    "POST apm/v1/packages": "401 401 202 202 403 400",
    "GET apm/v1/packages/{package_id}": "401 401 404 200 200 200",
    "POST apm/v1/packages/{package_id}": "401 401 404 202 403 400",
    "DELETE apm/v1/packages/{package_id}": "401 401 404 200 403 400",
    "GET apm/v1/packages/{package_id}/download": "401 401 404 200 403 200",
    "DELETE apm/v1/packages/{package_id}/hosts/{ip}": "401 401 404 200 403 400",
    # What is fetched from stores is of no tenant.  The store of the path is at a forbidden address.
    "GET apm/v1/apps/info/appstores/{ip}": "401 401 502 502 502 502",
    "POST apm/v1/apps/sync": "401 401 202 202 403 202",
    "GET apm/v1/apps/syncstatus": "401 401 200 200 200 200",
    "GET apm/v1/apps/{store_app_id}/packages/{store_package_id}/syncstatus":
        "401 401 200 200 200 200",
    "POST apm/v1/app_package_infos/sync": "401 401 202 202 403 400",
    "GET appo/v1/health": "200 200 200 200 200 200",
    f"POST {_APPO}/app_instances": "401 401 404 202 403 202",
    f"GET {_APPO}/app_instances/{{instance_id}}": "401 401 404 200 200 200",
    f"POST {_APPO}/app_instances/{{instance_id}}": "401 401 404 412 403 412",
    f"DELETE {_APPO}/app_instances/{{instance_id}}": "401 401 404 202 403 202",
    f"GET {_APPO}/app_instance_infos": "401 401 404 200 200 200",
    f"GET {_APPO}/app_instance_infos/{{instance_id}}": "401 401 404 200 200 200",
    "GET appo/v1/deployments": "401 401 200 200 200 200",
    "POST appo/v1/deployments": "401 401 404 202 403 202",
    f"GET {_APPO}/deployments": "401 401 404 200 200 200",
    f"POST {_APPO}/deployments": "401 401 404 202 403 202",
    "GET appo/v1/placement_decisions": "401 401 200 200 200 200",
    "GET appo/v1/placement_decisions/{decision_id}": "401 401 404 200 200 200",
    f"GET {_APPO}/placement_decisions": "401 401 404 200 200 200",
    f"GET {_APPO}/placement_decisions/{{decision_id}}": "401 401 404 200 200 200",
    "POST appo/v1/hosts/{ip}/cordon": "401 401 403 403 403 200",
    "DELETE appo/v1/hosts/{ip}/cordon": "401 401 403 403 403 200",
    # Nobody has drained it yet.
    "GET appo/v1/hosts/{ip}/drain": "401 401 403 403 403 404",
    "POST appo/v1/hosts/{ip}/drain": "401 401 403 403 403 202",
}
_APPD = "app_instances/{instance_id}/appd_configuration"
_TASK = "apprule_task_infos/{task_id}"
# Red's instance has a configuration; without a tenant in the path an administrator names one.
CENTER |= {
    f"GET inventory/v1/{_APPD}": "401 401 404 200 200 200",
    f"POST inventory/v1/{_APPD}": "401 401 404 400 403 400",
    f"PUT inventory/v1/{_APPD}": "401 401 404 200 403 400",
    f"DELETE inventory/v1/{_APPD}": "401 401 404 200 403 400",
    f"GET inventory/v1/tenants/{{tenant_id}}/{_APPD}": "401 401 404 200 200 200",
    f"POST inventory/v1/tenants/{{tenant_id}}/{_APPD}": "401 401 404 400 403 400",
    f"PUT inventory/v1/tenants/{{tenant_id}}/{_APPD}": "401 401 404 200 403 200",
    f"DELETE inventory/v1/tenants/{{tenant_id}}/{_APPD}": "401 401 404 200 403 200",
    f"POST appo/v1/{_APPD}": "401 401 404 202 403 400",
    f"PUT appo/v1/{_APPD}": "401 401 404 202 403 400",
    f"DELETE appo/v1/{_APPD}": "401 401 404 202 403 400",
    f"GET appo/v1/{_TASK}": "401 401 404 200 200 200",
    f"POST {_APPO}/{_APPD}": "401 401 404 202 403 202",
    f"PUT {_APPO}/{_APPD}": "401 401 404 202 403 202",
    f"DELETE {_APPO}/{_APPD}": "401 401 404 202 403 202",
    f"GET {_APPO}/{_TASK}": "401 401 404 200 200 200",
    f"POST {_APPO}/app_instances/batch_create": "401 401 404 202 403 202",
    f"POST {_APPO}/app_instances/batch_instantiate": "401 401 404 202 403 202",
    f"POST {_APPO}/app_instances/batch_terminate": "401 401 404 202 403 202",
    f"DELETE {_APPO}/app_instances/batch_terminate": "401 401 404 202 403 202",
    f"POST {_APPO}/app_instance_infos/sync": "401 401 404 202 403 202",
    # The edge of this world answers nobody; who may not ask is told so before that.
    f"GET {_APPO}/hosts/{{ip}}/kpi": "401 401 404 502 502 502",
    f"GET {_APPO}/hosts/{{ip}}/kpi/series": "401 401 404 502 502 502",
    f"GET {_APPO}/app_instances/{{instance_id}}/workload/usage": "401 401 404 502 502 502",
    f"GET {_APPO}/hosts/{{ip}}/mep_capabilities": "401 401 404 502 502 502",
    f"GET {_APPO}/hosts/{{ip}}/mep_capabilities/{{capability_id}}": "401 401 404 502 502 502",
    # Without a tenant in the address: one's own things; an administrator names a tenant to write.
    "POST appo/v1/app_instances": "401 401 400 202 403 400",
    "GET appo/v1/app_instances/{instance_id}": "401 401 404 200 200 200",
    "POST appo/v1/app_instances/{instance_id}": "401 401 404 412 403 412",
    "DELETE appo/v1/app_instances/{instance_id}": "401 401 404 202 403 202",
    "GET appo/v1/app_instance_infos": "401 401 200 200 200 200",
    "GET appo/v1/app_instance_infos/{instance_id}": "401 401 404 200 200 200",
    "POST appo/v1/app_instances/batch_create": "401 401 400 202 403 400",
    # Items of others are refused one by one.
    "POST appo/v1/app_instances/batch_instantiate": "401 401 202 202 403 202",
    "POST appo/v1/app_instances/batch_terminate": "401 401 202 202 403 202",
    "DELETE appo/v1/app_instances/batch_terminate": "401 401 202 202 403 202",
    "POST appo/v1/app_instance_infos/sync": "401 401 202 202 403 202",
    **{
        f"{method} {scope}/upgrades{what}": cells
        for scope, stranger in ((_APPO, "404 404"), ("appo/v1", "200 400"))
        for method, what, cells in (
            ("GET", "", f"401 401 {stranger[:3]} 200 200 200"),
            # The package of this world has no other version: a wrong field.
            ("POST", "", f"401 401 {stranger[4:]} 400 403 400"),
            ("GET", "/{upgrade_id}", "401 401 404 200 200 200"),
            ("POST", "/{upgrade_id}/stop", "401 401 404 202 403 202"),
            # Nothing of it was begun.
            ("POST", "/{upgrade_id}/back", "401 401 404 409 403 409"),
        )
    },
    "GET appo/v1/hosts/{ip}/kpi": "401 401 404 502 502 502",
    "GET appo/v1/hosts/{ip}/kpi/series": "401 401 404 502 502 502",
    "GET appo/v1/app_instances/{instance_id}/workload/usage": "401 401 404 502 502 502",
    "GET appo/v1/hosts/{ip}/mep_capabilities": "401 401 404 502 502 502",
    "GET appo/v1/hosts/{ip}/mep_capabilities/{capability_id}": "401 401 404 502 502 502",
}
_VOICES = "app_instances/{instance_id}/workload"
CENTER |= {
    f"GET {_APPO}/{_VOICES}/events": "401 401 404 502 502 502",
    f"GET appo/v1/{_VOICES}/events": "401 401 404 502 502 502",
    # Nobody says whose log is meant.
    f"GET {_APPO}/{_VOICES}/logs": "401 401 404 400 400 400",
    f"GET appo/v1/{_VOICES}/logs": "401 401 404 400 400 400",
}
_SERVER = "app_instances/{instance_id}/servers/{server_id}"
CENTER |= {
    f"GET {_APPO}/{_SERVER}": "401 401 404 502 502 502",
    f"POST {_APPO}/{_SERVER}": "401 401 404 502 403 502",
    f"GET appo/v1/{_SERVER}": "401 401 404 502 502 502",
    f"POST appo/v1/{_SERVER}": "401 401 404 502 403 502",
    # What others have there is shown as well.
    "GET appo/v1/hosts/{ip}/resources": "401 401 403 403 403 502",
}
_LCM = "lcmcontroller/v1/tenants/{tenant_id}"
EDGE = {
    **_AUTH,
    "GET lcmcontroller/v1/health": "200 200 200 200 200 200 200 200",
    "GET lcmcontroller/v1/hosts": "401 401 200 200 200 200 200 200",
    "POST lcmcontroller/v1/hosts": "401 401 403 403 403 200 403 200",
    "PUT lcmcontroller/v1/hosts": "401 401 403 403 403 200 403 200",
    "DELETE lcmcontroller/v1/hosts/{ip}": "401 401 403 403 403 409 403 409",
    "GET lcmcontroller/v1/hosts/{ip}/settings": "401 401 403 403 403 200 403 200",
    "PUT lcmcontroller/v1/hosts/{ip}/settings": "401 401 403 403 403 200 403 200",
    "POST lcmcontroller/v1/configuration": "401 401 403 403 403 200 403 200",
    "DELETE lcmcontroller/v1/configuration": "401 401 403 403 403 200 403 200",
    **{
        f"GET {scope}hosts/{{ip}}/{what}": cells
        for scope, cells in (
            (f"{_LCM}/", "401 401 404 200 200 200 200 200"),
            ("lcmcontroller/v1/", "401 401 404 200 200 200 200 200"),
        )
        for what in ("kpi", "kpi/series", "mep_capabilities", "mep_capabilities/{capability_id}")
    },
    f"GET {_LCM}/packages": "401 401 404 200 200 200 200 200",
    f"POST {_LCM}/packages": "401 401 404 200 403 200 200 200",
    f"GET {_LCM}/packages/{{package_id}}": "401 401 404 200 200 200 200 200",
    f"POST {_LCM}/packages/{{package_id}}": "401 401 404 200 403 200 200 200",
    f"DELETE {_LCM}/packages/{{package_id}}": "401 401 404 200 403 200 200 200",
    f"DELETE {_LCM}/packages/{{package_id}}/hosts/{{ip}}": "401 401 404 200 403 200 200 200",
    f"GET {_LCM}/app_instances": "401 401 404 200 200 200 200 200",
    f"DELETE {_LCM}/app_instances/batchTerminate": "401 401 404 200 403 200 200 200",
    f"GET {_LCM}/app_instances/{{instance_id}}": "401 401 404 200 200 200 200 200",
    f"GET {_LCM}/app_instances/{{instance_id}}/record": "401 401 404 200 200 200 200 200",
    f"GET {_LCM}/app_instances/{{instance_id}}/workload/usage": "401 401 404 200 200 200 200 200",
    f"POST {_LCM}/app_instances/{{instance_id}}/instantiate": "401 401 404 200 403 200 200 200",
    # What it runs is what it is told to run.
    f"POST {_LCM}/app_instances/{{instance_id}}/upgrade": "401 401 404 200 403 200 200 200",
    f"POST {_LCM}/app_instances/{{instance_id}}/terminate": "401 401 404 200 403 200 200 200",
    "GET sync/v1/site": "200 200 200 200 200 200 200 200",
    "GET sync/v1/changes": "401 401 403 403 403 200 403 200",
    "GET sync/v1/copy": "401 401 403 403 403 400 403 400",
    "GET sync/v1/digest": "401 401 403 403 403 200 403 200",
    "POST sync/v1/ack": "401 401 200 200 403 200 200 200",
}
_HOST_STATUS = "hosts/{ip}/packages/{package_id}/status"
EDGE |= {
    f"GET lcmcontroller/v1/{_HOST_STATUS}": "401 401 404 200 200 200 200 200",
    f"GET {_LCM}/{_VOICES}/events": "401 401 404 200 200 200 200 200",
    f"GET {_LCM}/{_VOICES}/logs": "401 401 404 400 400 400 400 400",
    f"GET {_LCM}/{_SERVER}": "401 401 404 200 200 200 200 200",
    f"POST {_LCM}/{_SERVER}": "401 401 404 200 403 200 200 200",
    "GET lcmcontroller/v1/hosts/{ip}/resources": "401 401 403 403 403 200 403 200",
    # Changes: those of hosts are for administrators, those of a tenant's things for the tenant.
    **{
        f"GET lcmcontroller/v1/{scope}/{what}": cells
        for scope, cells in (
            ("hosts", "401 401 403 403 403 200 403 200"),
            ("tenants/{tenant_id}/packages", "401 401 404 200 403 200 200 200"),
            ("tenants/{tenant_id}/app_instances", "401 401 404 200 403 200 200 200"),
        )
        for what in ("sync_updated", "sync_deleted")
    },
}
# The second generation answers with the statuses of the first.
_SECOND = (
    "POST configuration", "DELETE configuration", f"GET {_HOST_STATUS}",
    *(
        one.replace("T/", "tenants/{tenant_id}/").replace("/I", "/{instance_id}")
        for one in (
            "GET T/hosts/{ip}/kpi", "GET T/hosts/{ip}/mep_capabilities",
            "GET T/hosts/{ip}/mep_capabilities/{capability_id}",
            "GET T/packages", "POST T/packages", "GET T/packages/sync_updated",
            "GET T/packages/sync_deleted", "GET T/packages/{package_id}",
            "POST T/packages/{package_id}", "DELETE T/packages/{package_id}",
            "DELETE T/packages/{package_id}/hosts/{ip}", "GET T/app_instances",
            "DELETE T/app_instances/batchTerminate", "GET T/app_instances/sync_updated",
            "GET T/app_instances/sync_deleted", "GET T/app_instances/I",
            "POST T/app_instances/I/instantiate", "POST T/app_instances/I/terminate",
            "GET T/app_instances/I/workload/events", "GET T/app_instances/I/workload/logs",
            "GET T/app_instances/I/servers/{server_id}",
            "POST T/app_instances/I/servers/{server_id}",
        )
    ),
)
EDGE |= {
    f"{method} lcmcontroller/v2/{route}": EDGE[f"{method} lcmcontroller/v1/{route}"]
    for method, route in (one.split(" ") for one in _SECOND)
} | {
    f"{method} lcmcontroller/v2/tenants/{{tenant_id}}/configuration":
        "401 401 403 403 403 200 403 200"
    for method in ("POST", "DELETE")
}
for _face in ("apprulemgr/v1", "apprule/v1"):
    _of = f"{_face}/tenants/{{tenant_id}}/{_APPD}"
    _rules = f"{_face}/tenants/{{tenant_id}}/app_instances/appd_configuration"
    EDGE |= {
        f"GET {_face}/health": "200 200 200 200 200 200 200 200",
        f"GET {_rules}/sync_updated": "401 401 404 200 403 200 200 200",
        f"GET {_rules}/sync_deleted": "401 401 404 200 403 200 200 200",
        f"GET {_of}": "401 401 404 200 200 200 200 200",
        # Red's instance has a configuration already.
        f"POST {_of}": "401 401 404 400 403 400 400 400",
        f"PUT {_of}": "401 401 404 200 403 200 200 200",
        f"DELETE {_of}": "401 401 404 200 403 200 200 200",
        f"GET {_face}/{_APPD}": "401 401 404 200 200 200 200 200",
        f"POST {_face}/{_APPD}": "401 401 404 400 403 400 400 400",
        f"PUT {_face}/{_APPD}": "401 401 404 200 403 400 200 400",
        f"DELETE {_face}/{_APPD}": "401 401 404 200 403 400 200 400",
    }
# The MEC platform.  Mp1 is for applications (their cells: tests/mep/test_walls.py); of people only
# administrators may call it, and never those of a tenant.

EDGE |= PLATFORM

CENTER |= CENTER_IMAGES | CENTER_SYNC
EDGE |= EDGE_IMAGES | EDGE_SYNC
TABLES = {"center": (CENTER_ASKERS, CENTER), "edge": (EDGE_ASKERS, EDGE)}
