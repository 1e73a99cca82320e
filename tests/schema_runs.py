"""Runs of schemathesis inside the test process: what is counted, and how requests get there."""

from __future__ import annotations

import ast
import gc
import threading
import traceback
from collections import Counter

from schemathesis.engine import Status, events, from_schema
from schemathesis.transport.wsgi import WSGITransport

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


def keep_inside(monkeypatch):
    """Requests within this process, and nobody else's parsing in theirs.

    The probes of one check bring options of a network client.
    """
    send = WSGITransport.send

    def without(self, case, **options):
        return send(self, case, **{key: options[key] for key in options.keys() - NETWORK})

    monkeypatch.setattr(WSGITransport, "send", without)
    monkeypatch.setattr(ast, "parse", undisturbed(ast.parse))


def undisturbed(parse):
    """``ast.parse`` by one thread at a time and without what the collector of garbage runs.

    CPython 3.11 keeps the depth of all parsers in one place, and fails when another one has moved
    it meanwhile (gh-106905); Hypothesis parses whatever it draws from.
    """
    lock = threading.RLock()

    def alone(*args, **options):
        with lock:
            collects = gc.isenabled()
            gc.disable()
            try:
                return parse(*args, **options)
            finally:
                if collects:
                    gc.enable()

    return alone


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


def run(schema):
    """Everything that schemathesis does with a description; the outcome."""
    outcome = Outcome()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            outcome.add(event)
        elif isinstance(event, (events.NonFatalError, events.FatalError)):
            error = event.value if isinstance(event, events.NonFatalError) else event.exception
            outcome.failures.append(f"{error!r}\n{''.join(traceback.format_exception(error))}")
    return outcome


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
