"""What is left to tell of the dead."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("journal", "0002_edge_autonomy")]
    operations = [
        migrations.AddField("tombstone", "data", models.JSONField(default=dict)),
    ]
