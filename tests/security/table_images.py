"""What the endpoints of images of virtual machines answer to every asker; columns as in table.

A disk may hold anything: a guest is not even told of it.
"""

from __future__ import annotations

_APPO, _LCM = "appo/v1", "lcmcontroller/v1"
_INSTANCE = "app_instances/{instance_id}"
_OF_TENANT = f"tenants/{{tenant_id}}/{_INSTANCE}"
_HOST = "hosts/{ip}"


def _rows(api, scopes, cells):
    """The images below each scope: all of them made there, and one by one."""
    lists = ("GET {}", "POST {}")
    one = ("GET {}/{{image_id}}", "DELETE {}/{{image_id}}", "GET {}/{{image_id}}/file")
    return {
        call.format(f"{api}/{scope}/images"): cells
        for scope in scopes
        for call in (one if scope == _HOST else lists + one)
    }


# The edge of this world answers nobody; who may not ask is told so before that.
CENTER_IMAGES = {
    f"GET {_APPO}/{_HOST}/images": "401 401 404 502 502 502",
    **_rows(_APPO, (_OF_TENANT, _INSTANCE, _HOST), "401 401 404 502 403 502"),
}
EDGE_IMAGES = {
    f"GET {_LCM}/{_HOST}/images": "401 401 404 200 200 200 200 200",
    **_rows(_LCM, (_OF_TENANT, _HOST), "401 401 404 200 403 200 200 200"),
}
