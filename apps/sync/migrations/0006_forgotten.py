from django.db import migrations, models
from django.db.models import Max


def newest(apps, schema_editor):
    upto = apps.get_model("sync", "Reader").objects.aggregate(newest=Max("missed"))["newest"]
    if upto:
        apps.get_model("sync", "Forgotten").objects.create(pk=1, upto=upto)


class Migration(migrations.Migration):

    dependencies = [("sync", "0005_marks_and_readers")]

    operations = [
        migrations.CreateModel(
            "Forgotten",
            [
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("upto", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.RunPython(newest, migrations.RunPython.noop),
        migrations.RemoveField("reader", "missed"),
    ]
