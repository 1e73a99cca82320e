"""App stores and app repositories; a stored password is never shown, and stays unless replaced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.common.fields import ENDPOINT, NAME, REGISTRY, address, port
from apps.hosts.models import AppRepo, AppStore
from apps.hosts.specs import RepoSpec, StoreSpec
from apps.portal.forms.base import PortalForm


def _name(label: Any, *, most: int = 128, required: bool = False) -> forms.CharField:
    return forms.CharField(label=label, max_length=most, required=required, validators=[NAME])


def _password(*, required: bool) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
    return forms.CharField(
        label=_("Password"), max_length=128, required=required, strip=False, widget=widget
    )


class StoreForm(PortalForm):
    """An application store; the address is fixed once it is registered."""

    domain_names: ClassVar[Mapping[str, str]] = {"appstoreIp": "ip"}
    code_fields: ClassVar[Mapping[str, str]] = {"duplicate": "ip"}

    name = _name(_("Name"))
    ip = forms.CharField(label=_("Address"), max_length=45, validators=[address],
                         help_text=_("The IP address under which this site reaches it."))
    port = forms.CharField(label=_("Port"), max_length=5, validators=[port],
                           widget=forms.TextInput(attrs={"inputmode": "numeric"}))
    producer = _name(_("Producer"))
    repo = forms.CharField(label=_("Image registry"), max_length=128, validators=[REGISTRY],
                           help_text=_("For example registry.example.com:5000."))
    repo_name = _name(_("Name of the registry"))
    repo_user_name = _name(_("User name"))
    password = _password(required=False)
    forget = forms.BooleanField(label=_("Forget the stored password"), required=False)

    def __init__(self, *args: Any, row: AppStore | None = None, **kwargs: Any) -> None:
        if row is not None:
            names = ("name", "ip", "port", "producer", "repo", "repo_name", "repo_user_name")
            kwargs["initial"] = {name: getattr(row, name) for name in names}
        super().__init__(*args, **kwargs)
        if row is None or not row.repo_password:
            del self.fields["forget"]
        else:
            self.fields["password"].help_text = gettext("One is stored; empty leaves it.")
        _fix(self, "ip", row)

    def to_spec(self) -> StoreSpec:
        """The validated input as a spec."""
        data = self.cleaned_data
        password = data["password"] or ("" if data.get("forget") else None)
        return StoreSpec(
            ip=data["ip"], port=int(data["port"]), repo=data["repo"], name=data["name"],
            repo_name=data["repo_name"], repo_user_name=data["repo_user_name"],
            repo_password=password, producer=data["producer"],
        )


class RepoForm(PortalForm):
    """A registry of images; the endpoint is fixed once it is registered."""

    domain_names: ClassVar[Mapping[str, str]] = {"repoEndPoint": "endpoint"}
    code_fields: ClassVar[Mapping[str, str]] = {"duplicate": "endpoint"}

    name = _name(_("Name"), most=255, required=True)
    endpoint = forms.CharField(label=_("Endpoint"), max_length=255, validators=[ENDPOINT],
                               help_text=_("For example registry.example.com:5000."))
    user_name = _name(_("User name"), required=True)
    password = _password(required=True)

    def __init__(self, *args: Any, row: AppRepo | None = None, **kwargs: Any) -> None:
        if row is not None:
            names = ("name", "endpoint", "user_name")
            kwargs["initial"] = {name: getattr(row, name) for name in names}
        super().__init__(*args, **kwargs)
        if row is not None:
            self.fields["password"].required = False
            self.fields["password"].help_text = gettext("One is stored; empty leaves it.")
        _fix(self, "endpoint", row)

    def to_spec(self) -> RepoSpec:
        """The validated input as a spec."""
        data = self.cleaned_data
        return RepoSpec(endpoint=data["endpoint"], user_name=data["user_name"], name=data["name"],
                        password=data["password"] or None)


def _fix(form: PortalForm, name: str, row: object) -> None:
    """What a thing is known by cannot be changed."""
    if row is not None:
        form.fields[name].disabled = True
        form.fields[name].help_text = gettext("The address cannot be changed.")
