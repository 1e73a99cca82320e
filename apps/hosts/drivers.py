"""The driver of a host of this site, made from its stored credentials."""

from __future__ import annotations

from django.utils.translation import gettext_noop as N_

from apps.common.errors import Upstream
from apps.hosts.driver_settings import driver_with
from apps.hosts.models import HostCredential, MecHost
from apps.vim.contract import VimDriver


def driver_of(host: MecHost) -> VimDriver:
    """A driver for ``host``; raises Upstream while no credentials are stored."""
    credential = HostCredential.objects.filter(host=host).first()
    if credential is None or not credential.content:
        raise Upstream(
            N_("No credentials are stored for the host “%(name)s”."),
            retryable=False,
            code="credentials_missing",
            name=host.name,
        )
    return driver_with(host, credential.content.reveal().encode())
