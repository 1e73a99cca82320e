"""Whose packages they are, and where."""

from __future__ import annotations

import pytest

from tests import factories as make


@pytest.fixture
def owner(red):
    """The client of red's user."""
    return make.Api(make.user(red, name="rita"))


def url_of(tenant, package=None, more=""):
    """Addresses of the package manager."""
    base = f"/apm/v1/tenants/{tenant.pk}/packages"
    return base + (f"/{package}" if package else "") + more
