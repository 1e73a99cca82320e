"""Mp1 and Mm5 against their own OpenAPI description: requests made from it, answers held to it.

Every operation takes part and is answered with success at least once, and every check of
schemathesis is made.  A run is repeatable: its seed is fixed.
"""

from __future__ import annotations

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from drf_spectacular.generators import SchemaGenerator
from schemathesis import hooks
from schemathesis.config import ChecksConfig

from apps.mep import answers
from tests.mep.described import World
from tests.schema_runs import CHECKS, keep_inside, run
from tests.sites import EDGE, urls_of

pytestmark = [
    pytest.mark.schema,
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:Generating overly large repr"),
]
EXAMPLES, CHAINS = 25, 25
# What schemathesis expects by itself.
RIGHT = ChecksConfig().positive_data_acceptance.expected_statuses
WRONG = ChecksConfig().negative_data_rejection.expected_statuses
CONFIG = {
    "seed": 11,
    # A NUL in a member's name that nobody reads is refused; JSON Schema cannot speak of that.
    "generation": {"deterministic": True, "max-examples": EXAMPLES, "allow-x00": False},
    "phases": {"stateful": {"generation": {"max-examples": CHAINS}}},
    "checks": {
        # A well-formed If-Match of another state is refused as a conflict is (RFC 9110, 13.1.1),
        # and JSON Schema cannot say how many bytes a document may have.
        "positive_data_acceptance": {"expected-statuses": [*RIGHT, "412", "413"]},
        # A wrong If-Match matches nothing, and what is too long may be too large as a whole.
        "negative_data_rejection": {"expected-statuses": [*WRONG, "412", "413", "414"]},
    },
}


@pytest.fixture
def world(mep, edge_house):
    """A site whose application may have what it likes and need not be waited for."""
    edge_house.ALLOWED_HOSTS = ["*"]
    edge_house.MEP = {**edge_house.MEP, "graceful_seconds": 0}
    edge_house.LIMITS = dict.fromkeys(edge_house.LIMITS, 10000)
    found = World()
    found.restore()
    return found


def description():
    """The part of an edge's description that is about the MEC platform, answers taken strictly."""
    whole = SchemaGenerator(urlconf=urls_of(EDGE)).get_schema(request=None, public=True)
    whole["paths"] = {path: one for path, one in whole["paths"].items() if path.startswith("/mep")}
    for name, component in whole["components"]["schemas"].items():
        if getattr(getattr(answers, name, None), "__module__", "") == answers.__name__:
            component["additionalProperties"] = name == "ProblemDetails"
    return whole


@pytest.fixture
def schema(world, monkeypatch):
    """The description, with the proof that each request needs."""
    keep_inside(monkeypatch)
    found = schemathesis.openapi.from_dict(
        description(), config=schemathesis.Config.from_dict(CONFIG)
    )
    found.app = get_wsgi_application()

    @found.auth(refresh_interval=None)
    class Proof:
        def get(self, case, context):
            return world.prove(case)

        def set(self, case, data, context):
            case.headers["Authorization"] = data

    def before_call(context, case, kwargs):
        world.fill(case)

    schemathesis.hook(before_call)
    yield found
    hooks.unregister(before_call)


def test_platform_does_what_its_description_says(schema, capsys):
    outcome = run(schema)
    with capsys.disabled():
        print(f"\n{outcome}")  # noqa: T201 - the numbers of a run are quoted
    assert not outcome.failures, "\n\n".join(outcome.failures)
    described = {operation.ok().label for operation in schema.get_all_operations()}
    assert outcome.operations == described
    assert outcome.reached == described, "never answered with success"
    assert set(outcome.checks) == CHECKS
