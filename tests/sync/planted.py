"""Faults of the protocol, planted one at a time: a simulator that finds none proves nothing."""

from __future__ import annotations

from dataclasses import replace

from django.conf import settings
from django.db import models

from apps.hosts.models import MecHost
from apps.instances.models import AppInstance
from apps.journal import services as journal
from apps.orchestration.workflows import WORKFLOWS, bring_package
from apps.rules.models import AppdConfiguration
from apps.sync import feed, taking
from apps.sync.models import Reader


def ack_by_flag(patch):
    """As the original did: what was read once is marked as sent, whether or not it arrived."""
    page = feed.page

    def flagged(**asked):
        told = page(**asked)
        reader = Reader.objects.first()
        sent = reader.acked if reader else 0
        told["rows"] = [row for row in told["rows"] if row["version"] > sent]
        Reader.objects.update(acked=told["upto"])
        return told

    patch.setattr(feed, "page", flagged)


def no_tombstone(patch):
    """What is deleted leaves nothing behind that could travel."""
    patch.setattr(journal, "_entomb", lambda *_: None)


def one_write_keeps_the_version(patch):
    """A host is written without another version, at edges."""
    save = MecHost.save

    def quietly(host, *args, **options):
        if host._state.adding or not settings.SITE_NAME.startswith("edge"):
            save(host, *args, **options)
        else:
            models.Model.save(host, *args, **options)

    patch.setattr(MecHost, "save", quietly)


def older_version_is_taken(patch):
    """The importer does not look whether it has a newer version already."""
    copies = taking._copies

    def all_old(source, chunk):
        known = copies(source, chunk)
        for copy in known.values():
            copy.version = 0
        return known

    def forgetful(kind, model, column):
        def take(source, rows):
            model.objects.filter(pk__in=[row["id"] for row in rows]).update(**{column: 0})
            return kind.take(source, rows)

        return replace(kind, take=take)

    patch.setattr(taking, "_copies", all_old)
    for model, column in (
        (MecHost, "edge_version"), (AppdConfiguration, "edge_version"),
        (AppInstance, "observed_version"),
    ):
        name = model._meta.model_name
        patch.setitem(taking.BY_NAME, name, forgetful(taking.BY_NAME[name], model, column))


def order_before_its_dependency(patch):
    """An instance is ordered at an edge that has not been given its package."""

    def skipped(context):
        return bring_package(context) if context.instance.host.is_local else None

    workflow = WORKFLOWS["instantiate"]
    steps = tuple(
        (name, skipped if name == "bring_package" else step) for name, step in workflow.steps
    )
    patch.setitem(WORKFLOWS, "instantiate", replace(workflow, steps=steps))
