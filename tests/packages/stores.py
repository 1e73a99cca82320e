"""A store for tests: the example server with real packages, registered in the inventory."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from apps.hosts import stores
from apps.hosts.models import AppStore
from apps.hosts.specs import StoreSpec
from apps.tenants.actors import SYSTEM
from examples.appstore import AppStoreServer, Offer, Store, offers
from examples.packages import build

IP = "127.0.0.1"


@lru_cache(maxsize=1)
def _offers():
    return offers()


@lru_cache(maxsize=16)
def offer(name, version="1.0", app_class="container", **request):
    """One more package for a store."""
    with tempfile.TemporaryDirectory() as folder:
        path = build(Path(folder) / "a.csar", name=name, version=version, app_class=app_class,
                     **request)
        return Offer(name, version, app_class, name, path.read_bytes())


@contextmanager
def serving(settings, **behaviour):
    """A registered store on loopback, which these settings allow."""
    settings.APP_STORES = {"scheme": "http", "networks": "127.0.0.0/8", "ca_file": ""}
    store = Store(list(_offers()), **behaviour)
    with AppStoreServer(store) as server:
        register(port=server.port)
        yield store


def register(ip=IP, port=8200):
    """A store in the inventory."""
    spec = StoreSpec(ip=ip, port=port, repo=f"{ip}:5000", name="store")
    return stores.register(AppStore, actor=SYSTEM, spec=spec)


def wanted(offer, ip=IP):
    """An item of ``apps/sync``."""
    return {"appstoreIp": ip, "appId": offer.app_id, "packageId": offer.package_id}


def onboarding(offer, *hosts, ip=IP, **more):
    """A body of ``POST packages``."""
    path = f"https://{ip}:9/mec/appstore/v1/apps/{offer.app_id}/packages/{offer.package_id}"
    return {
        "appPkgId": offer.package_id, "appId": offer.app_id, "appPkgName": "berth-planner",
        "appPkgVersion": "1.2", "appPkgPath": f"{path}/action/download",
        "mecHostInfo": [{"hostIp": host.ip} for host in hosts],
    } | more
