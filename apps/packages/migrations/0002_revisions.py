"""Packages know which revision of their name and version they are; providers may be longer."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.db import migrations, models


def number(apps: Any, _: Any) -> None:
    """Number what is there already in the order in which it came."""
    package = apps.get_model("packages", "Package")
    seen: Counter[tuple[Any, str, str]] = Counter()
    for row in package.objects.order_by("created_at", "pk").only(
        "pk", "tenant_id", "name", "package_version"
    ):
        key = (row.tenant_id, row.name, row.package_version)
        seen[key] += 1
        if seen[key] > 1:
            package.objects.filter(pk=row.pk).update(revision=seen[key])


class Migration(migrations.Migration):
    """Adds ``revision``, its index, and room for the provider."""

    dependencies = [("packages", "0001_initial")]

    operations = [
        migrations.AddField("package", "revision", models.PositiveIntegerField(default=1)),
        migrations.AlterField(
            "package", "provider", models.CharField(blank=True, max_length=1024)
        ),
        migrations.AddIndex(
            "package",
            models.Index(fields=["tenant", "name", "package_version"], name="packages_revisions"),
        ),
        migrations.RunPython(number, migrations.RunPython.noop, elidable=True),
    ]
