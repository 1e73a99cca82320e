from django.db import migrations, models
from django.db.models import F


def without_gap(apps, schema_editor):
    apps.get_model("sync", "Mark").objects.update(former=F("version") - 1)


class Migration(migrations.Migration):

    dependencies = [("sync", "0004_verified_mark")]

    operations = [
        migrations.AddField("mark", "former", models.BigIntegerField(default=0), preserve_default=False),
        migrations.RunPython(without_gap, migrations.RunPython.noop),
    ]
