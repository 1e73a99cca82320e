"""What only people need is left out for applications, and for nobody else."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests import factories as make


@pytest.fixture
def browser(edge_house):
    """An administrator's browser at an edge."""
    client = Client()
    client.force_login(make.admin(), backend="django.contrib.auth.backends.ModelBackend")
    return client


def sessions_read(asked):
    """How many queries looked for a session."""
    return sum("django_session" in one["sql"] for one in asked.captured_queries)


def test_pages_have_a_user_and_their_messages(browser):
    with CaptureQueriesContext(connection) as asked:
        answer = browser.get("/hosts/")
    assert answer.status_code == 200
    assert answer.wsgi_request.user.is_authenticated
    assert list(answer.context["messages"]) == []
    assert sessions_read(asked) == 1


@pytest.mark.parametrize("path", [
    "/mep/mec_service_mgmt/v1/services", "/mec_service_mgmt/v1/services",
    "/mepcfg/mec_platform_config/v1/capabilities",
])
def test_applications_get_no_session_even_when_they_show_one(browser, path):
    with CaptureQueriesContext(connection) as asked:
        answer = browser.get(path)
    assert answer.status_code == 401
    assert not hasattr(answer.wsgi_request, "session")
    assert sessions_read(asked) == 0


def test_every_path_has_a_session_where_no_applications_ask(house):
    answer = Client().get("/mep/mec_service_mgmt/v1/services")
    assert hasattr(answer.wsgi_request, "session")
