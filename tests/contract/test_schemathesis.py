"""A center against its own OpenAPI description, in each role: requests made from it, answers held
to it.

No operation is left out, and every check of schemathesis is made.  A run is repeatable: its seed is
fixed.
"""

from __future__ import annotations

from copy import deepcopy

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from drf_spectacular.generators import SchemaGenerator
from schemathesis import hooks
from schemathesis.config import ChecksConfig

from apps.sync import asking
from examples.appstore import AppStoreServer, Store, offers
from tests.contract.described import World, pull
from tests.schema_runs import CHECKS, keep_inside, run
from tests.sites import CENTER, urls_of

pytestmark = [
    pytest.mark.schema,
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:Generating overly large repr"),
]
RIGHT = ChecksConfig().positive_data_acceptance.expected_statuses
WRONG = ChecksConfig().negative_data_rejection.expected_statuses
# An administrator gets further than others, and needs more tries.
EXAMPLES = {"admin": 4, "tenant": 3, "guest": 2}
CHAINS = {"admin": 8, "tenant": 4, "guest": 2}


def config(role):
    """What a run in this role does."""
    return {
        "seed": 11,
        "generation": {"deterministic": True, "max-examples": EXAMPLES[role], "allow-x00": False},
        "phases": {
            # Each boundary of each value is tried by an administrator, whom no role stops.
            "coverage": {"enabled": role == "admin", "unexpected-methods": ["PATCH"]},
            "stateful": {"generation": {"max-examples": CHAINS[role]}},
        },
        # The same at several addresses: its boundaries are tried at one of them.
        "operations": [
            {"include-path-regex": path, "phases": {"coverage": {"enabled": False}}}
            for path in (
                "^/appo/v1/.*appd_configuration$", "^/inventory/v1/app_instances/.*$",
                "^/appo/v1/app_instances/.*workload/logs$",
            )
        ],
        "checks": {
            # The state of an instance, or a limit.
            "positive_data_acceptance": {"expected-statuses": [*RIGHT, "412"]},
            "negative_data_rejection": {"expected-statuses": [*WRONG, "412", "413"]},
        },
    }


@pytest.fixture
def world(house):
    """A center without limits."""
    house.ALLOWED_HOSTS = ["*"]
    house.LIMITS = dict.fromkeys(house.LIMITS, 100_000)
    house.APP_STORES = {"scheme": "http", "networks": "127.0.0.0/8", "ca_file": ""}
    with AppStoreServer(Store(list(offers()))) as server:
        found = World(server.port)
        found.restore()
        yield found


@pytest.fixture(params=list(EXAMPLES))
def schema(request, world, monkeypatch):
    """The description, with the proof of a role."""
    keep_inside(monkeypatch)
    monkeypatch.setattr(asking, "pause", pull)
    whole = SchemaGenerator(urlconf=urls_of(CENTER)).get_schema(request=None, public=True)
    found = schemathesis.openapi.from_dict(
        deepcopy(whole), config=schemathesis.Config.from_dict(config(request.param))
    )
    found.app = get_wsgi_application()

    @found.auth(refresh_interval=None)
    class Proof:
        def get(self, case, context):
            return world.prove(request.param)

        def set(self, case, data, context):
            case.headers["Authorization"] = data

    def before_call(context, case, kwargs):
        world.fill(case, request.param)

    def after_call(context, case, response):
        world.note(response)

    schemathesis.hook(before_call)
    schemathesis.hook(after_call)
    yield found
    hooks.unregister(before_call)
    hooks.unregister(after_call)


def test_center_does_what_its_description_says(schema, capsys, request):
    outcome = run(schema)
    role = request.node.callspec.params["schema"]
    with capsys.disabled():
        print(f"\n{role}: {outcome}")  # noqa: T201 - the numbers of a run are quoted
    assert not outcome.failures, "\n\n".join(outcome.failures)
    assert outcome.operations == {one.ok().label for one in schema.get_all_operations()}
    if role == "admin":
        assert set(outcome.checks) == CHECKS
