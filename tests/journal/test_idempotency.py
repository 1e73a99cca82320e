"""A POST that creates work is done once, however often it is sent."""

from __future__ import annotations

import hashlib
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.response import Response

from apps.common import clock
from apps.common.errors import Upstream
from apps.journal import services
from apps.journal.idempotency import ABANDONED, drop_claims, idempotent
from apps.journal.models import RememberedAnswer
from apps.packages.models import Package
from apps.tenants.models import Tenant
from apps.tenants.views import ApiView
from tests import factories as make

KEY = {"Idempotency-Key": "once"}
URL = "/auth/v1/tenants"


@pytest.fixture
def boss(house):
    """An administrator's client."""
    return make.Api(make.admin())


class Till(ApiView):
    """Counts what it takes in; may fail, be asked meanwhile, or read files."""

    authentication_classes = []
    permission_classes = []
    parser_classes = [JSONParser, MultiPartParser]
    taken = answers = None
    meanwhile = None

    @idempotent
    def post(self, request):
        """Take it in."""
        self.taken.append(request.data.get("coin"))
        if self.meanwhile:
            self.meanwhile()
        answer = self.answers.pop(0) if self.answers else 201
        if isinstance(answer, Exception):
            raise answer
        return Response({"coins": len(self.taken)}, status=answer)


@pytest.fixture
def till(db):
    """A function that pays a coin under a key, and the coins that were taken."""
    taken, answers = [], []

    def pay(body=None, key="k", meanwhile=None, **multipart):
        view = Till.as_view(taken=taken, answers=answers, meanwhile=meanwhile)
        data = multipart or json.dumps(body or {"coin": 1})
        kind = {} if multipart else {"content_type": "application/json"}
        headers = {"Idempotency-Key": key} if key else {}
        response = view(RequestFactory().post("/till", data, headers=headers, **kind))
        response.render()
        return response

    pay.taken, pay.answers = taken, answers
    return pay


def test_same_call_twice_is_done_once_and_answered_twice(boss):
    first = boss.send("POST", URL, {"name": "red"}, headers=KEY)
    again = boss.send("POST", URL, {"name": "red"}, headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert Tenant.objects.count() == 1


def test_same_key_with_another_body_answers_422_and_does_nothing(boss):
    boss.send("POST", URL, {"name": "red"}, headers=KEY)
    answer = boss.send("POST", URL, {"name": "blue"}, headers=KEY)
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:mecm:problem:idempotency_key_reused"
    assert list(Tenant.objects.values_list("name", flat=True)) == ["red"]


def test_same_key_of_another_caller_or_for_another_address_is_another_key(boss):
    boss.send("POST", URL, {"name": "red"}, headers=KEY)
    other = make.Api(make.admin())
    assert other.send("POST", URL, {"name": "blue"}, headers=KEY).status_code == 201
    body = {"username": "x-y", "role": "admin", "password": make.PASSWORD}
    assert boss.send("POST", "/auth/v1/users", body, headers=KEY).status_code == 201


def test_answer_is_forgotten_after_a_day(boss):
    with clock.frozen() as now:
        boss.send("POST", URL, {"name": "red"}, headers=KEY)
        now.advance(hours=23)
        services.purge()
        assert RememberedAnswer.objects.count() == 1
        now.advance(hours=2)
        services.purge()
    assert RememberedAnswer.objects.count() == 0


def test_key_that_is_too_long_answers_400(boss):
    answer = boss.send("POST", URL, {"name": "red"}, headers={"Idempotency-Key": "k" * 129})
    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.json()["errors"]
    assert not Tenant.objects.exists()


def test_body_that_is_too_large_to_compare_answers_413(boss):
    answer = boss.send("POST", URL, {"name": "x" * 3_000_000}, headers=KEY)
    assert answer.status_code == 413


def test_call_without_a_key_is_done_each_time(till):
    till(key=""), till(key="")
    assert len(till.taken) == 2
    assert RememberedAnswer.objects.count() == 0


def test_call_while_the_first_is_still_answered_gets_409_and_is_not_done(till):
    met = []
    till(meanwhile=lambda: met.append(till()))
    (second,) = met
    assert second.status_code == 409
    assert len(till.taken) == 1
    assert till().data == {"coins": 1}


def claimed(key="k"):
    """A process took the call on and died before it answered."""
    request = RequestFactory().post("/till", json.dumps({"coin": 1}),
                                    content_type="application/json")
    digest = hashlib.sha256(b"\n" + request.body).hexdigest()
    RememberedAnswer.objects.create(caller="", route="POST /till", key=key, body_digest=digest)


def test_call_whose_process_died_is_done_again_after_a_while(till):
    with clock.frozen() as now:
        claimed()
        assert till().status_code == 409
        now.advance(seconds=ABANDONED.total_seconds() + 1)
        assert till().status_code == 201
        assert till().headers["Idempotency-Replayed"] == "true"
    assert till.taken == [1]


def test_call_whose_process_died_is_done_again_after_the_next_start(till):
    claimed()
    assert till().status_code == 409
    assert drop_claims() == 1
    assert till().status_code == 201
    assert drop_claims() == 0, "an answer that was given is kept"


@pytest.mark.parametrize("failure", [503, Upstream("away"), ZeroDivisionError("bug")], ids=repr)
def test_answer_of_5xx_is_forgotten_so_that_the_same_key_tries_again(till, failure):
    till.answers.append(failure)
    assert till().status_code >= 500
    assert till().status_code == 201
    assert len(till.taken) == 2
    assert till().headers["Idempotency-Replayed"] == "true"


def test_answer_of_4xx_that_was_given_is_replayed(till):
    till.answers.append(404)
    assert [till().status_code, till().status_code] == [404, 404]
    assert len(till.taken) == 1


def files(content=b"abc", name="a.bin"):
    """Parts of a form with a file."""
    return {"coin": "1", "file": SimpleUploadedFile(name, content)}


def test_forms_are_the_same_when_every_part_and_every_byte_is(till):
    assert till(**files()).status_code == 201
    assert till(**files()).headers["Idempotency-Replayed"] == "true"
    assert till(**files(b"abd")).status_code == 422
    assert till(**files(name="b.bin")).status_code == 422
    assert till(**{**files(), "coin": "2"}).status_code == 422
    assert len(till.taken) == 1


def test_upload_with_a_key_is_stored_whole_although_it_was_read_before(house):
    red = make.tenant()
    content = make.csar()
    owner = make.Api(make.user(red))
    answers = [
        owner.send("POST", f"/apm/v1/tenants/{red.pk}/packages/upload", headers=KEY,
                   form={"file": SimpleUploadedFile("a.csar", content)})
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert Package.objects.get().path.read_bytes() == content


def test_an_answer_with_times_and_ids_is_replayed_as_it_was(boss):
    body = {"name": "harbour", "description": ""}
    first, again = (boss.send("POST", "/tenants/v1/tenants", body, headers=KEY) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()
    assert Tenant.objects.filter(name="harbour").count() == 1


def test_a_key_holds_for_one_query_too(boss):
    body = {"name": "harbour", "description": ""}
    assert boss.send("POST", "/tenants/v1/tenants?a=1", body, headers=KEY).status_code == 201
    other = boss.send("POST", "/tenants/v1/tenants?a=2", body, headers=KEY)
    assert other.status_code == 422
