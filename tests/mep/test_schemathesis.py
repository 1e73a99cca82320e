"""Mp1 and Mm5 against their own OpenAPI description: requests made from it, answers held to it.

Every operation takes part and is answered with success at least once, and every check of
schemathesis is made.  A run is repeatable: its seed is fixed.
"""

from __future__ import annotations

import traceback
from collections import Counter

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from drf_spectacular.generators import SchemaGenerator
from schemathesis import hooks
from schemathesis.config import ChecksConfig
from schemathesis.engine import Status, events, from_schema
from schemathesis.transport.wsgi import WSGITransport

from apps.mep import answers
from tests.mep.described import World
from tests.sites import EDGE, urls_of

pytestmark = [
    pytest.mark.schema,
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:Generating overly large repr"),
]
CHECKS = {
    "allow_header_conformance",
    "content_type_conformance",
    "ensure_resource_availability",
    "ignored_auth",
    "missing_required_header",
    "negative_data_rejection",
    "not_a_server_error",
    "object_level_authorization",
    "positive_data_acceptance",
    "response_headers_conformance",
    "response_schema_conformance",
    "status_code_conformance",
    "unsupported_method",
    "use_after_free",
}
NETWORK = {"allow_redirects", "cert", "max_redirects", "proxies", "verify"}
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
def in_process(monkeypatch):
    """Requests within this process: the probes of one check bring options of a network client."""
    send = WSGITransport.send

    def without(self, case, **options):
        return send(self, case, **{key: options[key] for key in options.keys() - NETWORK})

    monkeypatch.setattr(WSGITransport, "send", without)


@pytest.fixture
def schema(world, in_process):
    """The description, with the proof that each request needs."""
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


class Outcome:
    """What a run did."""

    def __init__(self):
        self.examples, self.checks, self.answers = Counter(), Counter(), Counter()
        self.operations, self.reached = set(), set()
        self.failures = []

    def add(self, event):
        """Count one scenario: requests to one operation, or one chain."""
        record = event.recorder
        self.examples[event.phase.value] += len(record.cases)
        for key, node in record.cases.items():
            label = node.value.operation.label
            self.operations.add(label)
            sent = record.interactions.get(key)
            status = sent.response.status_code if sent and sent.response else 0
            self.answers[f"{status // 100}xx"] += 1
            if 200 <= status < 300 and node.value.method == label.split()[0]:
                self.reached.add(label)
        for key, found in record.checks.items():
            self.checks.update(one.name for one in found)
            wrong = [one for one in found if one.status != Status.SUCCESS]
            self.failures += [told(record, key, one) for one in wrong]

    def __str__(self):
        return (
            f"{len(self.operations)} operations, {self.examples.total()} requests"
            f" {dict(self.examples)}, answers {dict(sorted(self.answers.items()))},"
            f" {self.checks.total()} outcomes of {len(self.checks)} checks,"
            f" {len(self.failures)} failures"
        )


def test_platform_does_what_its_description_says(schema, capsys):
    outcome = Outcome()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            outcome.add(event)
        elif isinstance(event, (events.NonFatalError, events.FatalError)):
            error = event.value if isinstance(event, events.NonFatalError) else event.exception
            outcome.failures.append(f"{error!r}\n{''.join(traceback.format_exception(error))}")
    with capsys.disabled():
        print(f"\n{outcome}")  # noqa: T201 - the numbers of a run are quoted
    assert not outcome.failures, "\n\n".join(outcome.failures)
    described = {operation.ok().label for operation in schema.get_all_operations()}
    assert outcome.operations == described
    assert outcome.reached == described, "never answered with success"
    assert set(outcome.checks) == CHECKS


def told(recorder, key, check):
    """What a reader needs of a failed check."""
    info = check.failure_info
    sent = recorder.interactions.get(key)
    return "\n".join(
        [
            f"{recorder.label}: {check.name}",
            str(info.failure) if info else "the check itself failed",
            info.code_sample if info else "",
            str(sent.response and sent.response.content[:600]) if sent else "",
        ]
    )
