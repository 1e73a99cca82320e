"""For which tenant something is made: a choice for whoever has none of their own."""

from __future__ import annotations

import uuid
from typing import cast

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.tenants.actors import Actor
from apps.tenants.selectors import tenants_for


class TenantChoice(forms.Form):
    """Adds ``tenant``, which disappears for an actor who has a tenant already."""

    tenant = forms.UUIDField(label=_("Tenant"), widget=forms.Select)

    def offer_tenants(self, actor: Actor) -> None:
        """Fill the choice for ``actor``, or drop it where there is nothing to choose."""
        self.own_tenant = actor.tenant_id
        if actor.tenant_id is not None:
            del self.fields["tenant"]
            return
        found = tenants_for(actor).order_by("name").values_list("pk", "name")
        choices: list[tuple[str, object]] = [("", _("choose a tenant"))]
        widget = cast(forms.Select, self.fields["tenant"].widget)
        widget.choices = [*choices, *((str(key), name) for key, name in found)]

    @property
    def tenant_id(self) -> uuid.UUID:
        """The tenant that was meant."""
        chosen: uuid.UUID = self.own_tenant or self.cleaned_data["tenant"]
        return chosen
