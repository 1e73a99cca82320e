"""What only people need is left out for applications, and for nobody else."""

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from tests import factories as make


@pytest.fixture
def browser(edge_house):
    """An administrator's browser at an edge."""
    client = Client()
    client.force_login(make.admin(), backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_pages_have_a_user_and_their_messages(browser):
    answer = browser.get("/hosts/")
    assert answer.status_code == 200
    assert answer.wsgi_request.user.is_authenticated
    assert list(answer.context["messages"]) == []


@pytest.mark.parametrize("path", ["/mep/mec_service_mgmt/v1/services", "/mepcfg/mec_app_config/v1"])
def test_applications_get_no_session_even_when_they_show_one(browser, path):
    Session.objects.update(session_data="x")  # nobody looks
    answer = browser.get(path)
    assert answer.status_code in (401, 404)
    assert not hasattr(answer.wsgi_request, "session")
    assert "Cookie" not in answer.get("Vary", "")


def test_every_path_has_a_session_where_no_applications_ask(house):
    answer = Client().get("/mep/mec_service_mgmt/v1/services")
    assert hasattr(answer.wsgi_request, "session")
