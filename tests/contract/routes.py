"""Every route of EdgeGallery's center.

Written by hand: number, method, path.  A path is filled with ``PLACES`` to look it up.
"""

from __future__ import annotations

INVENTORY, APPO, APM = "/inventory/v1", "/appo/v1", "/apm/v1"
_T = "tenants/{tenant_id}"
_HOST, _APPS = f"{INVENTORY}/{_T}/mechosts/{{ip}}", f"{INVENTORY}/{_T}/mechosts/{{ip}}/apps"
_I = f"{APPO}/{_T}/app_instances"
_P = f"{APM}/{_T}/packages"
_APPD = "app_instances/{uuid}/appd_configuration"


def _crud(first: int, name: str, place: str) -> dict[str, tuple[str, str]]:
    """Create, change, list, read, delete all, delete one: six numbers in a row."""
    whole, one = f"{INVENTORY}/{name}", f"{INVENTORY}/{name}/{place}"
    verbs = (("POST", whole), ("PUT", one), ("GET", whole), ("GET", one), ("DELETE", whole),
             ("DELETE", one))
    return {f"I{first + number}": verb for number, verb in enumerate(verbs)}


ROUTES: dict[str, tuple[str, str]] = {
    **_crud(1, "applcms", "{ip}"),
    **_crud(7, "apprulemanagers", "{ip}"),
    **_crud(13, "appstores", "{ip}"),
    **_crud(19, "apprepos", "{endpoint}"),
    **_crud(25, "mechosts", "{ip}"),
    "I31": ("POST", f"{INVENTORY}/mechosts/{{ip}}/k8sconfig"),
    "I32": ("DELETE", f"{INVENTORY}/mechosts/{{ip}}/k8sconfig"),
    "I33": ("GET", f"{INVENTORY}/health"),
    "I34": ("GET", f"{_HOST}/capabilities"),
    "I35": ("GET", f"{_HOST}/capabilities/{{word}}/applications"),
    "I36": ("POST", _APPS),
    "I37": ("PUT", f"{_APPS}/{{uuid}}"),
    "I38": ("GET", f"{_APPS}/{{uuid}}"),
    "I39": ("DELETE", f"{_APPS}/{{uuid}}"),
    "I40": ("POST", f"{INVENTORY}/{_T}/{_APPD}"),
    "I41": ("PUT", f"{INVENTORY}/{_T}/{_APPD}"),
    "I42": ("GET", f"{INVENTORY}/{_T}/{_APPD}"),
    "I43": ("DELETE", f"{INVENTORY}/{_T}/{_APPD}"),
    "I44": ("GET", f"{INVENTORY}/{_T}/mepms/{{ip}}/apprule/sync"),
    "I45": ("GET", f"{INVENTORY}/mepms/{{ip}}/mechost/sync"),
    "O1": ("POST", _I),
    "O2": ("POST", f"{_I}/batch_create"),
    "O3": ("POST", f"{_I}/{{uuid}}"),
    "O4": ("POST", f"{_I}/batch_instantiate"),
    "O5": ("GET", f"{_I}/{{uuid}}"),
    "O6": ("DELETE", f"{_I}/{{uuid}}"),
    "O7": ("POST", f"{_I}/batch_terminate"),
    "O8": ("GET", f"{APPO}/{_T}/hosts/{{ip}}/kpi"),
    "O9": ("GET", f"{APPO}/{_T}/hosts/{{ip}}/mep_capabilities"),
    "O10": ("GET", f"{APPO}/{_T}/hosts/{{ip}}/mep_capabilities/{{word}}"),
    "O11": ("GET", f"{APPO}/{_T}/app_instance_infos"),
    "O12": ("GET", f"{APPO}/{_T}/app_instance_infos/{{uuid}}"),
    "O13": ("POST", f"{APPO}/{_T}/{_APPD}"),
    "O14": ("PUT", f"{APPO}/{_T}/{_APPD}"),
    "O15": ("DELETE", f"{APPO}/{_T}/{_APPD}"),
    "O16": ("GET", f"{APPO}/{_T}/apprule_task_infos/{{uuid}}"),
    "O17": ("POST", f"{APPO}/{_T}/app_instance_infos/sync"),
    "O18": ("GET", f"{APPO}/health"),
    "P1": ("POST", f"{_P}/upload"),
    "P2": ("POST", _P),
    "P3": ("GET", f"{_P}/{{hex}}"),
    "P4": ("GET", _P),
    "P5": ("DELETE", f"{_P}/{{hex}}"),
    "P6": ("DELETE", f"{_P}/{{hex}}/hosts/{{ip}}"),
    "P7": ("GET", f"{_P}/{{hex}}/download"),
    "P8": ("GET", f"{APM}/apps/info/appstores/{{ip}}"),
    "P9": ("POST", f"{APM}/apps/sync"),
    "P10": ("GET", f"{APM}/apps/syncstatus"),
    "P11": ("GET", f"{APM}/apps/{{app}}/packages/{{app}}/syncstatus"),
    "P12": ("POST", f"{APM}/{_T}/app_package_infos/sync"),
    "P13": ("GET", f"{APM}/health"),
}

# What the places of a path are filled with; a tenant-less spelling leaves the tenant out.
PLACES = {
    "tenant_id": "11111111-1111-4111-8111-111111111111",
    "uuid": "22222222-2222-4222-8222-222222222222",
    "hex": "3" * 64,
    "app": "4" * 32,
    "ip": "10.0.0.1",
    "endpoint": "repo.example:5000",
    "word": "GPU",
}
