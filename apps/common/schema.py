"""How the OpenAPI description is made: request bodies from serializers, one name per operation."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes

Endpoint = tuple[str, str, str, Callable[..., Any]]


class HouseSchema(AutoSchema):
    """Views build their answers themselves, so an answer is an object unless the view says more."""

    def get_operation_id(self) -> str:
        """``InstanceListView`` and POST make ``instance_list_post``."""
        name = type(self.view).__name__.removesuffix("View")
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
        mount, _, rest = self.path.strip("/").partition("/")
        if getattr(self.view, "spellings", False):
            # One view at several addresses: which one it is stands in the name.
            words = f"{mount}_{words}" + ("_of_tenant" if "{tenant_id}" in rest else "")
        return f"{words}_{self.method.lower()}"

    def get_request_serializer(self) -> Any:
        """The view's ``serializer_class`` is what its body has to be; without one there is none."""
        return getattr(self.view, "serializer_class", None)

    def get_response_serializers(self) -> Any:
        """A JSON object or list."""
        return OpenApiTypes.ANY

    def get_tags(self) -> list[str]:
        """Operations are grouped by the mount that they belong to."""
        return [self.path.strip("/").split("/")[0]]


def without_twins(endpoints: list[Endpoint], **_: Any) -> list[Endpoint]:
    """Drop the spelling with a trailing slash where the one without is described too."""
    paths = {path for path, *_ in endpoints}
    return [one for one in endpoints if not (one[0].endswith("/") and one[0][:-1] in paths)]
