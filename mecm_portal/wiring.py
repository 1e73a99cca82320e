"""Who hears what after a commit: the whole list.  ``manage.py wiring`` prints it."""

WIRING: tuple[tuple[str, str], ...] = (
    # What happened, for people who look.
    ("", "apps.monitoring.live.on_event"),
    ("", "apps.monitoring.console.on_event"),
    # Work that would otherwise wait for its next sweep.
    ("hosts.host.registered", "apps.orchestration.tasks.on_host_configured"),
    ("hosts.host.updated", "apps.orchestration.tasks.on_host_configured"),
    ("hosts.host.removing", "apps.orchestration.tasks.on_host_configured"),
    ("hosts.host.credentials_stored", "apps.orchestration.tasks.on_host_configured"),
    ("hosts.host.credentials_removed", "apps.orchestration.tasks.on_host_configured"),
    ("hosts.host.draining", "apps.orchestration.tasks.on_host_draining"),
    ("hosts.applcm.registered", "apps.sync.tasks.on_edge_registered"),
    ("hosts.applcm.updated", "apps.sync.tasks.on_edge_registered"),
    ("hosts.applcm.reachable", "apps.sync.tasks.on_edge_heard"),
    ("sync.edge.greeted", "apps.sync.tasks.on_edge_registered"),
    ("tenants.signingkey.rotated", "apps.sync.tasks.on_key_rotated"),
    ("hosts.applcm.removed", "apps.sync.tasks.on_edge_removed"),
    ("hosts.applcm.reachable", "apps.orchestration.tasks.on_edge_reachable"),
    ("packages.distribution.ordered", "apps.packages.tasks.on_event"),
    ("packages.distribution.withdrawing", "apps.packages.tasks.on_event"),
    ("packages.distribution.withdrawn", "apps.packages.tasks.on_event"),
    ("packages.store_package.ordered", "apps.packages.tasks.on_store_event"),
    ("packages.distribution.arrived", "apps.orchestration.tasks.on_package_arrived"),
    ("hosts.applcm.reachable", "apps.rules.tasks.on_edge_reachable"),
    ("instances.instance.instantiated", "apps.rules.tasks.on_instance_running"),
    ("rules.task.created", "apps.rules.tasks.on_task_created"),
    ("instances.operation.queued", "apps.orchestration.tasks.on_operation_queued"),
    ("instances.operation.succeeded", "apps.orchestration.tasks.on_operation_ended"),
    ("instances.operation.failed", "apps.orchestration.tasks.on_operation_ended"),
    ("instances.operation.cancelled", "apps.orchestration.tasks.on_operation_ended"),
    ("instances.instance.observed", "apps.orchestration.tasks.on_instance_observed"),
)
