"""Versions of travelling rows, sealed columns, and the site's own key file."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction

from apps.common import clock
from apps.common.keyfile import site_key
from apps.common.models import current_version, next_version
from apps.common.secrets import Secret, seal, unseal
from apps.hosts.models import HostCredential, MecHost
from tests import factories as make


class _TakeBack(Exception):
    """Rolls back."""


@pytest.mark.django_db
def test_new_site_has_given_out_no_version():
    assert current_version() == 0


def test_each_save_raises_the_version_above_every_other(house):
    one, two = make.host(access=""), make.host(access="")
    assert two.version > one.version
    with clock.frozen() as now:
        now.advance(hours=1)
        one.save()
        assert one.updated_at == now()
    assert one.version == current_version() > two.version
    assert MecHost.objects.get(pk=one.pk).version == one.version


def test_save_of_named_columns_writes_the_version_too(house):
    host = make.host(access="")
    before = host.version
    host.city = "Leiden"
    host.address = "not to be written"
    host.save(update_fields=["city"])
    stored = MecHost.objects.get(pk=host.pk)
    assert (stored.city, stored.version) == ("Leiden", host.version)
    assert stored.version > before
    assert stored.address == "Oude Delft 1"


@pytest.mark.django_db(transaction=True)
def test_row_that_cannot_be_written_uses_up_no_version(house):
    host = make.host("10.1.0.1", access="")
    before = current_version()
    twin = MecHost(name="twin", ip="10.1.0.1")
    with pytest.raises(IntegrityError):
        twin.save(force_insert=True)
    assert current_version() == before == MecHost.objects.get(pk=host.pk).version


@pytest.mark.django_db
def test_version_of_a_transaction_that_is_rolled_back_is_given_out_again():
    with transaction.atomic():
        first = next_version()
    try:
        with transaction.atomic():
            assert next_version() == first + 1
            raise _TakeBack
    except _TakeBack:
        assert current_version() == first
    assert next_version() == first + 1


@pytest.mark.django_db(transaction=True)
def test_versions_given_out_by_many_threads_are_all_different():
    def take(_):
        with transaction.atomic():
            given = next_version()
        connection.close()
        return given

    with ThreadPoolExecutor(4) as pool:
        given = list(pool.map(take, range(40)))
    assert sorted(given) == list(range(1, 41))


def test_secret_shows_itself_only_when_asked():
    secret = Secret("swordfish")
    for text in (repr(secret), str(secret), f"{secret}", f"{[secret]}", "%s" % secret):  # noqa: UP031
        assert "swordfish" not in text
    assert secret.reveal() == "swordfish"
    assert bool(secret) and not Secret("")
    assert secret == Secret("swordfish") != Secret("other")
    assert secret != "swordfish"
    assert len({secret, Secret("swordfish")}) == 1


def test_sealed_value_comes_back_and_each_sealing_looks_different(settings):
    assert unseal(seal("grüße 你好")) == "grüße 你好"
    assert seal("x") != seal("x")


def test_value_sealed_under_another_key_does_not_open(settings):
    token = seal("swordfish")
    settings.SECRET_KEY = "another site's key"
    with pytest.raises(ValueError, match="another site key"):
        unseal(token)


def test_altered_seal_does_not_open():
    token = seal("swordfish")
    with pytest.raises(ValueError, match="sealed"):
        unseal(token[:-5] + "AAAA=")


def test_sealed_column_holds_no_plain_text_and_an_empty_one_stays_empty(house):
    host = make.host(access="")
    HostCredential.objects.create(host=host, content="swordfish")
    assert HostCredential.objects.get().content.reveal() == "swordfish"
    with connection.cursor() as cursor:
        cursor.execute("SELECT content FROM hosts_hostcredential")
        assert "swordfish" not in cursor.fetchone()[0]
        HostCredential.objects.update(content="")
        cursor.execute("SELECT content FROM hosts_hostcredential")
        assert cursor.fetchone()[0] == ""
    assert not HostCredential.objects.get().content


def test_key_file_is_made_once_private_and_the_same_for_all_who_start_at_once(tmp_path):
    path = tmp_path / "deep" / "site.key"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: site_key(path), range(1)))
    keys |= {site_key(path) for _ in range(3)}
    assert len(keys) == 1
    assert len(keys.pop()) >= 48
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["site.key"]
