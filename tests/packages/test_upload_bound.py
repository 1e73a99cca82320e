"""What is larger than any package may be is not even stored to be looked at."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.common.uploads import SLACK_BYTES
from apps.packages.models import Package
from apps.tenants import tokens
from tests import factories

pytestmark = pytest.mark.django_db


def upload(who, size):
    file = SimpleUploadedFile("big.csar", b"\0" * size)
    return Client().post(
        f"/apm/v1/tenants/{who.tenant_id}/packages/upload",
        {"file": file},
        headers={"Authorization": f"Bearer {tokens.access_token(who)}"},
    )


@pytest.mark.parametrize(
    ("beyond", "status"), [(SLACK_BYTES + 1, 413), (1, 400)], ids=["far too big", "too big"]
)
def test_upload_over_the_limit_is_refused_and_leaves_no_file(settings, beyond, status):
    settings.PACKAGE_MAX_BYTES = 64 * 1024
    folder = Path(settings.FILE_UPLOAD_TEMP_DIR)
    before = sorted(folder.iterdir())
    answer = upload(factories.user(factories.tenant()), settings.PACKAGE_MAX_BYTES + beyond)
    assert answer.status_code == status, answer.content
    assert answer.json()["status"] == status
    assert sorted(folder.iterdir()) == before
    assert not Package.objects.exists()

