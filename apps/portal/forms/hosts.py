"""Hosts, their credentials, and the managers through which an edge is reached."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar, cast

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_lazy as _

from apps.common.fields import AFFINITY, CITY, COORDINATES, NAME, address, ipv4, port
from apps.hosts.models import Manager, MecHost
from apps.hosts.selectors import app_rule_managers, applcms, tenants_of
from apps.hosts.specs import HostSpec, ManagerSpec
from apps.portal.forms.base import PortalForm
from apps.tenants.actors import Actor
from apps.tenants.selectors import tenants_for
from apps.vim.registry import kinds

CAPABILITY_ROWS = 3
MOST_TAGS, MOST_CAPABILITIES = 16, 10


def _kinds() -> list[tuple[str, Any]]:
    return [
        (kind.spelling,
         gettext(kind.label) if kind.installed
         else format_lazy("{} – {}", gettext(kind.label), _("no driver at this site")))
        for kind in kinds()
    ]


class ManagerForm(PortalForm):
    """An AppLCM or an AppRuleManager; the address is fixed once it is registered."""

    code_fields: ClassVar[Mapping[str, str]] = {"duplicate": "ip"}

    name = forms.CharField(label=_("Name"), max_length=128, validators=[NAME])
    ip = forms.CharField(label=_("Address"), max_length=45, validators=[address],
                         help_text=_("The IP address under which this site reaches it."))
    port = forms.CharField(label=_("Port"), max_length=5, validators=[port],
                           widget=forms.TextInput(attrs={"inputmode": "numeric"}))
    user_name = forms.CharField(label=_("User name"), max_length=128, required=False,
                                validators=[NAME])

    def __init__(self, *args: Any, row: Manager | None = None, **kwargs: Any) -> None:
        if row is not None:
            kwargs["initial"] = {"name": row.name, "ip": row.ip, "port": row.port,
                                 "user_name": row.user_name}
        super().__init__(*args, **kwargs)
        if row is not None:
            self.fields["ip"].disabled = True
            self.fields["ip"].help_text = gettext("The address cannot be changed.")

    def to_spec(self) -> ManagerSpec:
        """The validated input as a spec."""
        data = self.cleaned_data
        return ManagerSpec(data["name"], data["ip"], int(data["port"]), data["user_name"])


class HostForm(PortalForm):
    """A MEC host; the address is fixed once it is registered."""

    domain_names: ClassVar[Mapping[str, str]] = {
        "mechostName": "name", "mechostIp": "ip", "applcmIp": "applcm", "appRuleIp": "app_rule",
        "vim": "vim", "tenant_ids": "tenants",
    }
    code_fields: ClassVar[Mapping[str, str]] = {"duplicate": "ip", "vim_kind_unknown": "vim"}

    name = forms.CharField(label=_("Name"), max_length=128, validators=[NAME])
    ip = forms.CharField(label=_("Address"), max_length=15, validators=[ipv4],
                         help_text=_("The IPv4 address by which clients know the host."))
    vim = forms.ChoiceField(label=_("Kind of VIM"), choices=_kinds,
                            help_text=_("What runs the applications on this host."))
    affinity = forms.CharField(label=_("Architectures"), max_length=128, required=False,
                               validators=[AFFINITY], help_text=_("For example X86,ARM64."))
    applcm = forms.ChoiceField(
        label=_("Reached through (AppLCM)"), required=False,
        help_text=_("The edge that runs the host; without one, this site runs it itself."),
    )
    app_rule = forms.ChoiceField(label=_("Rule manager"), required=False)
    city = forms.CharField(label=_("City"), max_length=128, validators=[CITY])
    address = forms.CharField(label=_("Street address"), max_length=256)
    coordinates = forms.CharField(label=_("Coordinates"), max_length=128, validators=[COORDINATES],
                                  help_text=_("Longitude and latitude, such as 114.06,22.54."))
    zip_code = forms.CharField(label=_("Postal code"), max_length=128, required=False,
                               validators=[NAME])
    user_name = forms.CharField(label=_("User name"), max_length=128, required=False,
                                validators=[NAME])
    region = forms.CharField(label=_("Region"), max_length=128, required=False, validators=[NAME],
                             help_text=_("Placement can choose by it, and spread over several."))
    tags = forms.CharField(label=_("Tags"), max_length=1024, required=False,
                           help_text=_("Words by which placement can choose, with commas between."))
    shared = forms.BooleanField(
        label=_("Open to every tenant"), required=False, initial=True,
        help_text=_("Otherwise only the tenants that are chosen here can see and use it."),
    )
    tenants = forms.MultipleChoiceField(
        label=_("Tenants that may use it"), required=False, widget=forms.CheckboxSelectMultiple,
        help_text=_("What a tenant has on the host already stays when it is not chosen any more."),
    )

    def __init__(
        self, *args: Any, actor: Actor, host: MecHost | None = None, **kwargs: Any
    ) -> None:
        if host is not None:
            chosen = tenants_of(actor, host).values_list("pk", flat=True)
            kwargs["initial"] = _initial(host) | {"tenants": [str(key) for key in chosen]}
        super().__init__(*args, **kwargs)
        self.host = host
        names = tenants_for(actor).order_by("name").values_list("pk", "name")
        offered = cast(forms.MultipleChoiceField, self.fields["tenants"])
        offered.choices = [(str(key), name) for key, name in names]
        ours = gettext("none: this site runs the host itself")
        self._offer("applcm", ours, applcms())
        self._offer("app_rule", gettext("none"), app_rule_managers())
        known = len(host.hw_capabilities) if host else 0
        self.rows = min(max(CAPABILITY_ROWS, known + 1), MOST_CAPABILITIES)
        for number in range(self.rows):
            for part, label in _CAPABILITY_PARTS.items():
                self.fields[f"{part}{number}"] = forms.CharField(
                    label=label, max_length=128, required=False, validators=[NAME]
                )
        if host is not None:
            self.fields["ip"].disabled = True
            self.fields["ip"].help_text = gettext("The address cannot be changed.")

    def _offer(self, name: str, nothing: str, rows: Any) -> None:
        field = cast(forms.ChoiceField, self.fields[name])
        field.choices = [("", nothing), *((row.ip, f"{row.name} ({row.ip})") for row in rows)]

    def clean_tags(self) -> list[str]:
        """The words; the same rule as for each in the API."""
        words = [word.strip() for word in self.cleaned_data["tags"].split(",")]
        found = list(dict.fromkeys(word for word in words if word))
        if len(found) > MOST_TAGS:
            raise forms.ValidationError(_("enter at most 16 tags"))
        for word in found:
            NAME(word)
            if len(word) > 128:
                raise forms.ValidationError(_("a tag has at most 128 characters"))
        return found

    def capability_rows(self) -> list[list[forms.BoundField]]:
        """The fields of the hardware capabilities, a row for each."""
        return [[self[f"{part}{number}"] for part in _CAPABILITY_PARTS]
                for number in range(self.rows)]

    def tenant_ids(self) -> list[uuid.UUID]:
        """The tenants that were chosen."""
        return [uuid.UUID(key) for key in self.cleaned_data["tenants"]]

    def to_spec(self) -> HostSpec:
        """The validated input as a spec."""
        data = self.cleaned_data
        rows = [{part: data[f"{part}{number}"] for part in _CAPABILITY_PARTS}
                for number in range(self.rows)]
        return HostSpec(
            name=data["name"], ip=data["ip"], city=data["city"], address=data["address"],
            coordinates=data["coordinates"].replace(" ", ""), vim=data["vim"],
            zip_code=data["zip_code"], affinity=data["affinity"], user_name=data["user_name"],
            hw_capabilities=[row for row in rows if any(row.values())],
            applcm_ip=data["applcm"], app_rule_ip=data["app_rule"], shared=data["shared"],
            region=data["region"], tags=data["tags"],
        )


_CAPABILITY_PARTS = {
    "hwType": gettext_lazy("Hardware type"), "hwVendor": gettext_lazy("Vendor"),
    "hwModel": gettext_lazy("Model"),
}


def _initial(host: MecHost) -> dict[str, Any]:
    values: dict[str, Any] = {
        name: getattr(host, name)
        for name in ("name", "ip", "vim", "affinity", "city", "address", "coordinates", "zip_code",
                     "user_name", "shared", "region")
    }
    values["tags"] = ", ".join(host.tags)
    values["applcm"] = host.applcm.ip if host.applcm else ""
    values["app_rule"] = host.app_rule_manager.ip if host.app_rule_manager else ""
    for number, row in enumerate(host.hw_capabilities):
        values |= {f"{part}{number}": row.get(part, "") for part in _CAPABILITY_PARTS}
    return values


class CredentialsForm(PortalForm):
    """The access file of a host, as a file or as text."""

    code_fields: ClassVar[Mapping[str, str]] = {"vim_unreachable": "untested"}

    file = forms.FileField(label=_("Access file"), required=False)
    content = forms.CharField(
        label=_("Or its text"), required=False, strip=False,
        widget=forms.Textarea(attrs={"rows": 10, "spellcheck": "false", "autocomplete": "off"}),
    )

    untested = forms.BooleanField(
        label=_("Store them without trying them"), required=False,
        help_text=_("For a host that does not answer now. What is stored now is replaced, also "
                    "when the new file turns out not to open the host."),
    )

    def clean(self) -> dict[str, Any]:
        """One of the two must be there; the file counts when both are."""
        data = super().clean() or self.cleaned_data
        if not data.get("file") and not data.get("content", "").strip():
            raise forms.ValidationError(_("Choose a file or paste its text."))
        return data

    def bytes(self) -> bytes:
        """What was given, byte for byte."""
        file = self.cleaned_data["file"]
        content: bytes = file.read() if file else self.cleaned_data["content"].encode()
        return content
