from django.db import migrations, models
from django.db.models import F


def without_gap(apps, schema_editor):
    apps.get_model("sync", "Mark").objects.update(former=F("version") - 1)


def by_version(apps, schema_editor):
    rows = apps.get_model("sync", "Reader").objects.filter(starts_over=True)
    rows.update(missed=F("acked") + 1)


class Migration(migrations.Migration):

    dependencies = [("sync", "0004_verified_mark")]

    operations = [
        migrations.AddField(
            "mark", "former", models.BigIntegerField(default=0), preserve_default=False
        ),
        migrations.RunPython(without_gap, migrations.RunPython.noop),
        migrations.AddField("reader", "missed", models.BigIntegerField(default=0)),
        migrations.RunPython(by_version, migrations.RunPython.noop),
        migrations.RemoveField("reader", "starts_over"),
    ]
