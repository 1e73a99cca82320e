"""What every API endpoint answers to every asker: written by hand, and read by nobody but tests.

Columns of the center:  anonymous, bad token, stranger (a user of another tenant who asks about
red's things), tenant (red's own user), guest (of red), admin.
Columns of an edge: the same for its own people, then the center's link with an order of red's user,
and with the center's own work.
"""

from __future__ import annotations

CENTER_ASKERS = ("anonymous", "bad", "stranger", "tenant", "guest", "admin")
EDGE_ASKERS = (*CENTER_ASKERS, "link_tenant", "link_center")

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
    "GET api/v1/topology": "401 401 200 200 200 200 200 200",
    "GET api/v1/services/topology": "401 401 200 200 200 200 200 200",
    "GET api/schema": "200 200 200 200 200 200 200 200",
    "GET api/docs": "200 200 200 200 200 200 200 200",
}
_TENANT = "apm/v1/tenants/{tenant_id}/packages"
_APPO = "appo/v1/tenants/{tenant_id}"
CENTER = {
    **{key: " ".join(cells.split()[:6]) for key, cells in _AUTH.items()},
    "GET inventory/v1/health": "200 200 200 200 200 200",
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
    "GET inventory/v1/mechosts": "401 401 200 200 200 200",
    "POST inventory/v1/mechosts": "401 401 403 403 403 200",
    "DELETE inventory/v1/mechosts": "401 401 403 403 403 409",
    # The host of the path is open to red only.
    "GET inventory/v1/mechosts/{ip}": "401 401 404 200 200 200",
    "PUT inventory/v1/mechosts/{ip}": "401 401 403 403 403 200",
    "DELETE inventory/v1/mechosts/{ip}": "401 401 403 403 403 409",
    "POST inventory/v1/mechosts/{ip}/k8sconfig": "401 401 403 403 403 200",
    "DELETE inventory/v1/mechosts/{ip}/k8sconfig": "401 401 403 403 403 200",
    "GET apm/v1/health": "200 200 200 200 200 200",
    f"POST {_TENANT}/upload": "401 401 404 202 403 202",
    f"GET {_TENANT}": "401 401 404 200 200 200",
    f"GET {_TENANT}/{{package_id}}": "401 401 404 200 200 200",
    f"POST {_TENANT}/{{package_id}}": "401 401 404 202 403 202",
    f"DELETE {_TENANT}/{{package_id}}": "401 401 404 200 403 200",
    f"GET {_TENANT}/{{package_id}}/download": "401 401 404 200 403 200",
    f"DELETE {_TENANT}/{{package_id}}/hosts/{{ip}}": "401 401 404 200 403 200",
    "GET appo/v1/health": "200 200 200 200 200 200",
    f"POST {_APPO}/app_instances": "401 401 404 202 403 202",
    f"GET {_APPO}/app_instances/{{instance_id}}": "401 401 404 200 200 200",
    f"POST {_APPO}/app_instances/{{instance_id}}": "401 401 404 412 403 412",
    f"DELETE {_APPO}/app_instances/{{instance_id}}": "401 401 404 202 403 202",
    f"GET {_APPO}/app_instance_infos": "401 401 404 200 200 200",
    f"GET {_APPO}/app_instance_infos/{{instance_id}}": "401 401 404 200 200 200",
}
_LCM = "lcmcontroller/v1/tenants/{tenant_id}"
EDGE = {
    **_AUTH,
    "GET lcmcontroller/v1/health": "200 200 200 200 200 200 200 200",
    "GET lcmcontroller/v1/hosts": "401 401 200 200 200 200 200 200",
    "POST lcmcontroller/v1/hosts": "401 401 403 403 403 200 403 200",
    "PUT lcmcontroller/v1/hosts": "401 401 403 403 403 200 403 200",
    "DELETE lcmcontroller/v1/hosts/{ip}": "401 401 403 403 403 409 403 409",
    "POST lcmcontroller/v1/configuration": "401 401 403 403 403 200 403 200",
    "DELETE lcmcontroller/v1/configuration": "401 401 403 403 403 200 403 200",
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
    f"POST {_LCM}/app_instances/{{instance_id}}/instantiate": "401 401 404 200 403 200 200 200",
    f"POST {_LCM}/app_instances/{{instance_id}}/terminate": "401 401 404 200 403 200 200 200",
    "GET sync/v1/site": "200 200 200 200 200 200 200 200",
    "GET sync/v1/changes": "401 401 403 403 403 200 403 200",
}
TABLES = {"center": (CENTER_ASKERS, CENTER), "edge": (EDGE_ASKERS, EDGE)}
