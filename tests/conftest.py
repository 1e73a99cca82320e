"""What all tests may use: fast passwords, a site of its own per test, the URLs of each role."""

from __future__ import annotations

import gc
import shutil

import pytest
from django.core.cache import caches
from django.db import connection, connections
from django.utils import translation

from apps.common import clock
from mecm_portal.simulation.quick import Quick
from tests import factories as make
from tests.scheduling import STORIES, Scheduler
from tests.sites import CENTER, EDGE, TwoSites, database_copy, urls_of
from tests.sync.strangers import Strangers


def pytest_configure(config):
    """Hash passwords quickly, since nothing here is about their strength.

    Static files are looked for when they are asked for: else each client of each test would read
    the whole directory of them first.  The SQL of plain questions is remembered, as it is in the
    simulator: to make it anew takes a fifth of all tests.  What runs in processes of its own, as
    stories do, has all of Django.
    """
    from django.conf import settings  # noqa: PLC0415 - settings are ready only now

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.WHITENOISE_AUTOREFRESH = True
    for owner, name, stand_in in Quick().places():
        setattr(owner, name, stand_in)


def pytest_addoption(parser):
    """How the snapshot of the API's addresses is written again."""
    parser.addoption("--write-openapi-paths", action="store_true", help="see contract/test_openapi")


def pytest_collection_modifyitems(items):
    """Stories first: they wait more than they work, beside whatever the other workers do."""
    items.sort(key=lambda item: not item.nodeid.startswith(STORIES))


def pytest_collection_finish():
    """The collector of garbage passes over the program itself, and looks seldom at the rest."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A file to one worker; the stories all to the same, so that one world is started for them."""
    return Scheduler(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_generate_tests(metafunc):
    """The same tests for the link that the center opens and for the one that the edge opens."""
    if "opened_by" in metafunc.fixturenames and getattr(metafunc.module, "EITHER_WAY", False):
        metafunc.parametrize("opened_by", ["center", "edge"])


@pytest.fixture
def house(settings, tmp_path, db):
    """A center with directories of its own; answers in English; guests may come in."""
    return _site(settings, tmp_path, CENTER)


@pytest.fixture
def edge_house(settings, tmp_path, db):
    """The same for an edge."""
    return _site(settings, tmp_path, EDGE)


def _site(settings, tmp_path, role):
    settings.ROLE = role
    settings.ROOT_URLCONF = urls_of(role)
    settings.GUEST_ACCESS = True
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}  # nothing is collected here
    settings.SITE_DIR = tmp_path
    settings.PACKAGE_DIR = tmp_path / "packages"
    settings.VIM_STATE_DIR = tmp_path / "vim"
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "tmp"
    for folder in (settings.PACKAGE_DIR, settings.VIM_STATE_DIR, settings.FILE_UPLOAD_TEMP_DIR):
        folder.mkdir()
    for name in caches:
        caches[name].clear()
    translation.activate("en")
    return settings


@pytest.fixture
def red(house):
    """A tenant of a center."""
    return make.tenant("red")


@pytest.fixture
def now(house):
    """Time that stands still."""
    with clock.frozen() as frozen:
        yield frozen


@pytest.fixture(scope="session")
def edge_database(django_db_setup, django_db_blocker, tmp_path_factory):
    """An empty, migrated database to copy for an edge; made from that of the tests."""
    path = tmp_path_factory.mktemp("edge") / "empty.sqlite3"
    with django_db_blocker.unblock():
        database_copy(path)
    return path


@pytest.fixture
def apart(request, tmp_path, monkeypatch):
    """Threads get connections of their own: to PostgreSQL, or to an SQLite file made for this."""
    if connection.vendor == "sqlite":
        path = tmp_path / "race.sqlite3"
        shutil.copy(request.getfixturevalue("edge_database"), path)
        monkeypatch.setitem(connections.settings["default"], "NAME", str(path))


@pytest.fixture
def opened_by():
    """Which side opens the link between two sites.

    ``EITHER_WAY = True`` in a module has each of its tests once for either.
    """
    return "center"


@pytest.fixture
def two_sites(house, edge_database, tmp_path, monkeypatch, opened_by):
    """A center and a real edge with a database of its own, linked in one process."""
    sites = TwoSites(edge_database, tmp_path / "edge", opened_by=opened_by)
    sites.link(monkeypatch)
    yield sites
    sites.close()


@pytest.fixture
def strangers(house, edge_database, tmp_path, monkeypatch):
    """A center and a real edge that do not know each other yet, on a clock that stands still."""
    sites = Strangers(edge_database, tmp_path / "edge")
    sites.link(monkeypatch)
    with clock.frozen() as now:
        sites.now = now
        yield sites
    sites.close()
