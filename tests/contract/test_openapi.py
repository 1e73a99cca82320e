"""The OpenAPI description of both roles: whole, without complaints, and with the known addresses.

The snapshot is ``tests/contract/openapi_paths.json``.  After a wanted change of the API, write it
again with ``python -m pytest tests/contract/test_openapi.py --write-openapi-paths`` and read the
difference before it is committed.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from tests.security.endpoints import endpoints_of
from tests.sites import CENTER, EDGE, urls_of

SNAPSHOT = Path(__file__).with_name("openapi_paths.json")
METHODS = {"get", "put", "post", "delete", "patch"}


@pytest.fixture(params=[CENTER, EDGE], ids=lambda role: role.name)
def described(request, settings):
    """The role and its description."""
    settings.ROLE = request.param
    GENERATOR_STATS.reset()
    schema = SchemaGenerator(urlconf=urls_of(request.param)).get_schema(request=None, public=True)
    return request.param, schema


def operations(schema):
    """``{"/path": ["get", …]}`` of a description."""
    return {
        path: sorted(METHODS & item.keys()) for path, item in sorted(schema["paths"].items())
    }


def test_description_is_made_without_complaints_and_is_valid(described, capsys):
    _, schema = described
    assert GENERATOR_STATS._error_cache == {}
    assert GENERATOR_STATS._warn_cache == {}
    assert capsys.readouterr().err == ""
    validate_schema(schema)


def test_description_has_the_addresses_of_the_snapshot(described, request):
    role, schema = described
    known = json.loads(SNAPSHOT.read_text()) if SNAPSHOT.exists() else {}
    found = operations(schema)
    if request.config.getoption("--write-openapi-paths"):
        SNAPSHOT.write_text(json.dumps(known | {role.name: found}, indent=1) + "\n")
        pytest.skip(f"{SNAPSHOT.name} was written for the {role.name}")
    was = known.get(role.name, {})
    before = {f"{path} {verb}" for path, verbs in was.items() for verb in verbs}
    after = {f"{path} {verb}" for path, verbs in found.items() for verb in verbs}
    lost, new = sorted(before - after), sorted(after - before)
    assert not lost and not new, (
        f"The API of the {role.name} changed.  Gone (clients break): {lost or 'nothing'}.  "
        f"New: {new or 'nothing'}.  When that is wanted, run this test with --write-openapi-paths "
        f"and commit {SNAPSHOT.name}."
    )


def test_every_endpoint_of_the_api_is_described(described):
    role, schema = described
    found = {
        f"{verb.upper()} {path.strip('/')}"
        for path, verbs in operations(schema).items()
        for verb in verbs
    }
    plain = {one for one in endpoints_of(urls_of(role)) if one.endswith(("/health", "healthz"))}
    own = {"GET api/schema", "GET api/docs"}
    missing = endpoints_of(urls_of(role)) - plain - own - found
    assert missing == set()


def test_operations_have_names_of_their_own_and_say_what_they_do(described):
    _, schema = described
    every = [schema["paths"][path][verb] for path, verbs in operations(schema).items()
             for verb in verbs]
    names = [one["operationId"] for one in every]
    assert len(names) == len(set(names))
    assert [one["operationId"] for one in every if not one.get("description")] == []


def test_secrets_in_the_description_are_only_ever_sent(described):
    _, schema = described
    for name, component in schema["components"]["schemas"].items():
        for field, about in component.get("properties", {}).items():
            if "password" in field or field == "refresh_token":
                assert about.get("writeOnly"), f"{name}.{field}"
