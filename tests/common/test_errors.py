"""The family of errors, and how each is told: problem+json for programs, a page for people."""

from __future__ import annotations

import json

import pytest
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import Http404
from django.test import Client, RequestFactory
from django.utils import translation
from rest_framework import exceptions as drf
from rest_framework import serializers

from apps.common import errors
from apps.common.words import Reason
from apps.tenants.views import ApiView
from tests import factories as make

SENTENCES = {"bug": "Something went wrong on our side; the request id helps to find it."}


def answer_to(error, language="en"):
    """What a view that raises ``error`` answers."""

    class Raises(ApiView):
        authentication_classes = []
        permission_classes = []

        def get(self, request):
            raise error

    with translation.override(language):
        response = Raises.as_view()(RequestFactory().get("/inventory/v1/somewhere"))
        response.render()
    return response


def told(error, **options):
    """The status and the problem document."""
    response = answer_to(error, **options)
    assert response["content-type"] == "application/problem+json"
    return response.status_code, json.loads(response.content)


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        (errors.Unauthenticated, 401, "unauthenticated"),
        (errors.Denied, 403, "denied"),
        (errors.NotFound, 404, "not_found"),
        (errors.Invalid, 400, "invalid"),
        (errors.Conflict, 409, "conflict"),
        (errors.IllegalMove, 409, "illegal_move"),
        (errors.Locked, 423, "locked"),
        (errors.Upstream, 502, "upstream"),
        (errors.UpstreamTimeout, 504, "upstream_timeout"),
    ],
)
def test_domain_error_raised_by_a_view_answers_its_problem(kind, status, code):
    got, body = told(kind("About %(thing)s.", thing="100 % of it"))
    assert (got, body["status"]) == (status, status)
    assert body["type"] == f"urn:mecm:problem:{code}"
    assert body["title"]
    assert body["detail"] == body["message"] == "About 100 % of it."
    assert body["details"] == ["About 100 % of it."]
    assert body["instance"] == "/inventory/v1/somewhere"
    assert "errors" not in body


def test_error_with_words_of_the_original_keeps_them_beside_our_own():
    error = errors.Invalid("Twice.", message="Record already exist", details=["a", "b"])
    _, body = told(error)
    assert (body["message"], body["details"]) == ("Record already exist", ["a", "b"])
    assert body["detail"] == "Twice."


def test_error_about_fields_says_for_each_what_is_wrong():
    why = Reason("at most %(n)s", params={"n": 3})
    _, body = told(errors.Invalid("No.", fields={"name": why}))
    assert body["errors"] == {"name": "at most 3"}
    assert body["details"] == ["name: at most 3"]


def test_error_with_extra_facts_shows_them():
    _, body = told(errors.Conflict("Full.", extra={"limit": 5, "used": 5}))
    assert (body["limit"], body["used"]) == (5, 5)


def test_error_is_told_in_the_language_of_the_reader():
    error = errors.NotFound("Not found")
    assert told(error)[1]["title"] != told(error, language="zh-hans")[1]["title"]


def test_unauthenticated_answer_says_how_to_prove_oneself():
    assert "Bearer" in answer_to(errors.Unauthenticated("Who?"))["WWW-Authenticate"]


def test_retryable_is_said_per_error():
    assert errors.Upstream("x").retryable
    assert not errors.Upstream("x", retryable=False).retryable
    assert errors.Locked("x").retryable
    assert not errors.Conflict("x").retryable


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (drf.ParseError(), 400),
        (drf.NotAuthenticated(), 401),
        (drf.AuthenticationFailed(), 401),
        (drf.PermissionDenied(), 403),
        (drf.NotFound(), 404),
        (Http404(), 404),
        (drf.MethodNotAllowed("PATCH"), 405),
        (drf.UnsupportedMediaType("text/plain"), 415),
        (drf.NotAcceptable(), 406),
        (RequestDataTooBig(), 413),
        (SuspiciousOperation(), 400),
    ],
    ids=lambda value: type(value).__name__,
)
def test_error_of_the_framework_answers_the_same_kind_of_problem(error, status):
    got, body = told(error)
    assert (got, body["status"]) == (status, status)
    assert body["detail"]


def test_bug_answers_500_without_a_trace_and_logs_it(caplog):
    with caplog.at_level("ERROR", "mecm.problem"):
        got, body = told(ZeroDivisionError("the secret inside"))
    assert got == 500
    assert body["detail"] == SENTENCES["bug"]
    assert "secret" not in json.dumps(body)
    assert "ZeroDivisionError" in caplog.text


def test_nested_validation_errors_are_told_by_dotted_names():
    class Inner(serializers.Serializer):
        size = serializers.IntegerField()

    class Outer(serializers.Serializer):
        name = serializers.CharField()
        rows = Inner(many=True)
        inner = Inner()

    form = Outer(data={"rows": [{"size": 1}, {"size": "x"}], "inner": {}})
    with pytest.raises(drf.ValidationError) as caught:
        form.is_valid(raise_exception=True)
    _, body = told(caught.value)
    assert body["errors"].keys() == {"name", "rows.1.size", "inner.size"}
    assert body["message"] == "input validation failed"


def test_request_id_given_by_the_caller_comes_back(house):
    answer = Client().get("/healthz", headers={"X-Request-ID": "abc-12345"})
    assert answer["X-Request-ID"] == "abc-12345"


@pytest.mark.parametrize("given", ["", "short", "x" * 65, "with space", "new\tline1", "<script>1"])
def test_request_id_that_is_not_sane_is_replaced(house, given):
    answer = Client().get("/healthz", headers={"X-Request-ID": given})
    assert answer["X-Request-ID"] != given
    assert len(answer["X-Request-ID"]) == 32


def test_every_answer_carries_the_strict_content_policy(house):
    for url in ("/healthz", "/auth/v1/me", "/api/docs/"):
        policy = Client().get(url)["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy


def test_browser_of_the_api_needs_no_inline_script(house):
    page = Client().get("/api/docs/").content.decode()
    tags = [tag for tag in page.split("<script")[1:] if "src=" not in tag.split(">")[0]]
    assert tags == []
    assert "SwaggerUIBundle" in Client().get("/api/docs/?script=").content.decode()


@pytest.mark.parametrize("url", ["/auth/v1/token", "/auth/v1/tenants"])
@pytest.mark.parametrize("body", ["{", "[1,", "nonsense", b"\xff\xfe", '{"a": 1}}', ""])
def test_malformed_json_answers_400(house, url, body):
    answer = make.Api(make.admin()).send("POST", url, body)
    assert answer.status_code == 400


@pytest.mark.parametrize("body", ["[]", "null", "7", '"text"', '{"username": {"a": 1}}'])
def test_json_of_another_shape_answers_400(house, body):
    assert make.Api().send("POST", "/auth/v1/token", body).status_code == 400
