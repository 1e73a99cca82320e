"""The only writers of app stores and app repositories, which have the same life.

Their passwords are sealed: nothing here records, logs or returns one.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext_noop as N_

from apps.common.errors import Conflict, Invalid, NotFound
from apps.common.fields import is_address
from apps.common.secrets import Secret
from apps.common.words import Reason
from apps.hosts.limits import make_room, take_turns
from apps.hosts.models import AppRepo, AppStore
from apps.hosts.policies import may_configure
from apps.hosts.specs import RepoSpec, StoreSpec
from apps.journal import services as journal
from apps.tenants.actors import Actor
from apps.tenants.policies import require

S = TypeVar("S", AppStore, AppRepo)
Spec = StoreSpec | RepoSpec

# By which column each kind is known, how the wire calls it, and the original's words for it.
KEYS: dict[type[Any], tuple[str, str, str]] = {
    AppStore: ("ip", "appstoreIp", "appstore IP"),
    AppRepo: ("endpoint", "repoEndPoint", "apprepo endpoint"),
}


@transaction.atomic
def register(model: type[S], *, actor: Actor, spec: Spec) -> S:
    """Take one into the inventory; Invalid when its key is known already, Conflict when full."""
    require(may_configure(actor))
    take_turns(model)
    if model.objects.filter(**{KEYS[model][0]: spec.key}).exists():
        raise Invalid(
            N_("%(key)s is registered already."),
            code="duplicate",
            key=spec.key,
            message="Record already exist",
            details=["Record already exist"],
        )
    make_room(model)
    row = model()
    _apply(row, spec)
    row.save(force_insert=True)
    journal.record(f"hosts.{model._meta.model_name}.registered", row, actor=actor)
    return row


@transaction.atomic
def update(model: type[S], *, actor: Actor, key: str, spec: Spec) -> S:
    """Replace one; its key stays, and so does the password when none is said."""
    require(may_configure(actor))
    row = access(model, key, lock=True)
    if spec.key != getattr(row, KEYS[model][0]):
        raise Invalid(
            N_("The request is not valid."),
            fields={KEYS[model][1]: Reason(N_("must be the one in the URL"))},
            message="Illegal argument",
            details=[f"{KEYS[model][2]} in body and url is different"],
        )
    before = {name: getattr(row, name) for name in model.DESIRED}
    _apply(row, spec)
    changed = sorted(name for name in before if before[name] != getattr(row, name))
    if changed:
        row.save()
        verb = f"hosts.{model._meta.model_name}.updated"
        journal.record(verb, row, actor=actor, data={"changed": changed})
    return row


@transaction.atomic
def remove(model: type[S], *, actor: Actor, key: str) -> None:
    """Remove one; Conflict names what still refers to it."""
    require(may_configure(actor))
    row = access(model, key, lock=True)
    try:
        with transaction.atomic():
            journal.bury(f"hosts.{model._meta.model_name}.removed", row, actor=actor)
    except ProtectedError as error:
        names = ", ".join(sorted(str(thing) for thing in error.protected_objects)[:5])
        raise Conflict(
            N_("“%(name)s” is still used by: %(users)s."),
            code="in_use",
            name=str(row),
            users=names,
        ) from None


@transaction.atomic
def remove_all(model: type[S], *, actor: Actor) -> None:
    """Remove every one of a kind or, when one is still used, none."""
    require(may_configure(actor))
    column = KEYS[model][0]
    for key in model.objects.order_by("pk").values_list(column, flat=True):
        remove(model, actor=actor, key=key)


def access(model: type[S], key: str, *, lock: bool = False) -> S:
    """One by its key, or NotFound."""
    rows: Any = model.objects.select_for_update() if lock else model.objects
    column = KEYS[model][0]
    sought = column != "ip" or is_address(key)
    row: S | None = rows.filter(**{column: key}).first() if sought else None
    if row is None:
        raise NotFound(
            N_("Nothing is registered under %(key)s."),
            key=key,
            message="Record not found",
            details=["Record not found"],
        )
    return row


def _apply(row: AppStore | AppRepo, spec: Spec) -> None:
    for name, value in asdict(spec).items():
        if not name.endswith("password"):
            setattr(row, name, value)
        elif value is not None:
            setattr(row, name, Secret(value))
