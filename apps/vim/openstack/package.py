"""From a package and an order to the template that Heat is given.  Changes nothing."""

from __future__ import annotations

import zipfile
from typing import Final

from django.utils.translation import gettext_noop as N_

from apps.vim.contract import InstallSpec
from apps.vim.errors import VimRefused
from apps.vim.openstack.hot import Hot, of_hot
from apps.vim.openstack.site import SiteFacts
from apps.vim.openstack.translating import translate

MOST_BYTES: Final = 1024 * 1024


def hot_of(spec: InstallSpec, site: SiteFacts) -> Hot:
    """The template of Heat's own that the package brings, else its service template translated.

    Raises VimRefused with what the site lacks or does not allow.
    """
    if not spec.heat_template:
        return translate(spec.definition, spec, site)
    with zipfile.ZipFile(spec.package_path) as package:
        if package.getinfo(spec.heat_template).file_size > MOST_BYTES:
            raise VimRefused(
                N_("“%(path)s” is larger than %(limit)s bytes."),
                code="template_too_big", path=spec.heat_template, limit=MOST_BYTES,
            )
        text = package.read(spec.heat_template).decode("utf-8", "replace")
    return of_hot(text, spec, site)
