"""The files that the programs of a cloud read as they start."""

from __future__ import annotations

import base64
import secrets
from pathlib import Path

from tools.cloud.place import HOSTS, REGIONS, Place

DATABASES = (
    *("keystone", "placement", "glance", "neutron", "nova_api", "nova", "nova_cell0", "heat"),
)
Section = dict[str, object]
Sections = dict[str, Section]


def write(place: Place) -> None:
    """Write the settings of every program and what else it wants to find."""
    place.folder.chmod(0o700)  # passwords are in most of them
    for name in ("locks", "rabbitmq", "neutron", "store", "staging", "tasks", *HOSTS):
        (place.folder / name).mkdir(exist_ok=True)
    for name, sections in _all(place).items():
        Path(place.settings(name)).write_text(_ini(sections))
    _write_keys(place.folder / "fernet-keys")
    _write_keys(place.folder / "credential-keys")
    _write_database_start(place)
    _write_bus(place)
    # The administrator may list the stacks of all projects, which Heat lets nobody do by itself.
    (place.folder / "heat-policy.yaml").write_text('"stacks:global_index": "role:admin"\n')


def _all(place: Place) -> dict[str, Sections]:
    return {
        "keystone": _keystone(place),
        "placement": _placement(place),
        "glance-api": _glance(place),
        "neutron": _neutron(place),
        "ml2": _ml2(),
        "nova": _nova(place),
        **{host: _host(place, host) for host in HOSTS},
        "heat": _heat(place),
    }


def _ini(sections: Sections) -> str:
    parts = [
        f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in section.items())
        for name, section in sections.items()
    ]
    return "\n".join(parts)


def _service(place: Place) -> Section:
    """How a service logs in at another."""
    return {
        "auth_url": place.auth_url,
        "auth_type": "password",
        "username": "service",
        "password": place.passwords["service"],
        "project_name": "service",
        "user_domain_name": "Default",
        "project_domain_name": "Default",
        "region_name": REGIONS[0],
    }


def _tokens(place: Place) -> Section:
    """How a service judges the tokens that it gets."""
    return {
        **_service(place),
        "www_authenticate_uri": place.auth_url,
        "service_token_roles_required": True,
    }


def _database(place: Place, name: str) -> Section:
    return {"connection": place.database(name), "max_pool_size": 5, "max_overflow": 20}


def _locks(place: Place) -> Section:
    return {"lock_path": place.folder / "locks"}


def _keystone(place: Place) -> Sections:
    return {
        "database": _database(place, "keystone"),
        "token": {"provider": "fernet"},
        "fernet_tokens": {"key_repository": place.folder / "fernet-keys"},
        "fernet_receipts": {"key_repository": place.folder / "fernet-keys"},
        "credential": {"key_repository": place.folder / "credential-keys"},
        "cache": {"enabled": True, "backend": "oslo_cache.dict"},
        "identity": {"password_hash_rounds": 4},  # as few as there can be: each login takes them
    }


def _placement(place: Place) -> Sections:
    return {
        "api": {"auth_strategy": "keystone"},
        "placement_database": _database(place, "placement"),
        "keystone_authtoken": _tokens(place),
    }


def _glance(place: Place) -> Sections:
    paste = place.programs.environment / "etc/glance/glance-api-paste.ini"
    return {
        "DEFAULT": {
            "enabled_backends": "files:file",
            "enabled_import_methods": "[glance-direct,web-download]",
            "image_size_cap": place.image_mebibytes * 1024**2,
        },
        "database": _database(place, "glance"),
        "glance_store": {"default_backend": "files"},
        "files": {"filesystem_store_datadir": place.folder / "store"},
        "os_glance_staging_store": {"filesystem_store_datadir": place.folder / "staging"},
        "os_glance_tasks_store": {"filesystem_store_datadir": place.folder / "tasks"},
        # Images are downloaded from a test's own server, whichever port that has, and Glance
        # goes to loopback only where it is told so.
        "import_filtering_opts": {"allowed_hosts": "[127.0.0.1]", "allowed_ports": "[]"},
        "paste_deploy": {"flavor": "keystone", "config_file": paste},
        "oslo_concurrency": _locks(place),
        "keystone_authtoken": _tokens(place),
    }


def _neutron(place: Place) -> Sections:
    return {
        "DEFAULT": {
            "core_plugin": "ml2",
            "service_plugins": "router",
            "auth_strategy": "keystone",
            "transport_url": place.bus,
            "api_paste_config": place.programs.environment / "etc/neutron/api-paste.ini",
            "state_path": place.folder / "neutron",
            "dhcp_agent_notification": False,  # there are no agents
            "rpc_workers": 0,
        },
        "database": _database(place, "neutron"),
        "nova": _service(place),
        "placement": _service(place),
        "oslo_concurrency": _locks(place),
        "keystone_authtoken": _tokens(place),
    }


def _ml2() -> Sections:
    return {
        "ml2": {
            "type_drivers": "local,flat,vlan,geneve",
            "tenant_network_types": "geneve",
            "mechanism_drivers": "binds_everything",
            "extension_drivers": "port_security",
        },
        "ml2_type_flat": {"flat_networks": "*"},
        "ml2_type_vlan": {"network_vlan_ranges": "physnet1:100:200"},
        "ml2_type_geneve": {"vni_ranges": "1:1000"},
    }


def _nova(place: Place) -> Sections:
    return {
        "DEFAULT": {
            "transport_url": place.bus,
            # Of the fake drivers the one that remembers its host, so that it can start again.
            "compute_driver": "fake.FakeDriverWithoutFakeNodes",
            "host": "control",
            "my_ip": "127.0.0.1",
            "state_path": place.folder,
            "vif_plugging_is_fatal": False,  # Neutron has no agent that would tell of it
            "vif_plugging_timeout": 0,
        },
        "api_database": _database(place, "nova_api"),
        "database": _database(place, "nova"),
        "wsgi": {"api_paste_config": place.programs.environment / "etc/nova/api-paste.ini"},
        "conductor": {"workers": 1},
        "scheduler": {"workers": 1, "discover_hosts_in_cells_interval": 2},
        # No proxy runs: the address of a console is answered, and that is all.
        "vnc": {
            "enabled": True,
            "novncproxy_base_url": f"{place.url('novnc')}/vnc_lite.html",
        },
        "glance": _service(place),
        "neutron": _service(place),
        "placement": _service(place),
        "cinder": _service(place),
        "service_user": {**_service(place), "send_service_user_token": True},
        "oslo_concurrency": _locks(place),
        "keystone_authtoken": _tokens(place),
    }


def _host(place: Place, name: str) -> Sections:
    return {"DEFAULT": {"host": name, "state_path": place.folder / name}}


def _heat(place: Place) -> Sections:
    etc = place.programs.environment / "etc/heat"
    return {
        "DEFAULT": {
            "transport_url": place.bus,
            "auth_encryption_key": secrets.token_hex(16),
            "num_engine_workers": 1,
            # Five by default, each after a longer pause, in which a lone engine answers nobody.
            "action_retry_limit": 1,
            "deferred_auth_method": "trusts",
            "stack_user_domain_name": "heat",
            "stack_domain_admin": "heat",
            "stack_domain_admin_password": place.passwords["heat"],
            "region_name_for_services": REGIONS[0],
            "heat_metadata_server_url": place.url("heat-cfn"),
            "heat_waitcondition_server_url": f"{place.url('heat-cfn')}/v1/waitcondition",
            "environment_dir": etc / "environment.d",
            "template_dir": etc / "templates",
        },
        "database": _database(place, "heat"),
        "paste_deploy": {"api_paste_config": etc / "api-paste.ini"},
        "clients_keystone": {"auth_uri": place.url("keystone")},
        "trustee": _service(place),
        "oslo_policy": {"policy_file": place.folder / "heat-policy.yaml"},
        "oslo_concurrency": _locks(place),
        "keystone_authtoken": _tokens(place),
    }


def _write_keys(folder: Path) -> None:
    """A repository of Fernet keys: 0 is the next one, the highest number signs."""
    folder.mkdir(mode=0o700, exist_ok=True)
    for name in ("0", "1"):
        (folder / name).write_bytes(base64.urlsafe_b64encode(secrets.token_bytes(32)))


def _write_database_start(place: Place) -> None:
    lines = [f"CREATE DATABASE IF NOT EXISTS {name} CHARACTER SET utf8mb3;" for name in DATABASES]
    user = "openstack@'127.0.0.1'"
    password = place.passwords["database"]
    lines += [
        f"CREATE OR REPLACE USER {user} IDENTIFIED BY '{password}';",
        f"GRANT ALL ON *.* TO {user};",
    ]
    Path(place.start_sql).write_text("\n".join(lines) + "\n")


def _write_bus(place: Place) -> None:
    lines = [
        f"listeners.tcp.default = 127.0.0.1:{place.ports['rabbitmq']}",
        "default_user = openstack",
        f"default_pass = {place.passwords['bus']}",
        "log.console = true",
        "log.file = false",
    ]
    (place.folder / "rabbitmq.conf").write_text("\n".join(lines) + "\n")
    (place.folder / "rabbitmq" / "plugins").write_text("[].\n")
