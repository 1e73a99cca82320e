from django.db import migrations, models


def with_sent(apps, schema_editor):
    """What was sent for the first time without an answer had the version -1."""
    hosts = apps.get_model("hosts", "MecHost").objects.filter(edge_version__lt=0)
    for host in hosts:
        host.sent = [{name: [value] for name, value in host.agreed.items()}]
        host.edge_version, host.agreed = 0, {}
        host.save(update_fields=["sent", "edge_version", "agreed"])


class Migration(migrations.Migration):

    dependencies = [("hosts", "0006_edge_autonomy")]

    operations = [
        migrations.AddField(
            "mechost", "sent", models.JSONField(default=list, editable=False)
        ),
        migrations.RunPython(with_sent, migrations.RunPython.noop),
    ]
