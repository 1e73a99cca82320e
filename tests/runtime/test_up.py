"""`manage.py up` and `manage.py site` around the supervisor: sentences, not tracebacks."""

from __future__ import annotations

import errno
import shutil
from collections import namedtuple

import pytest

from mecm_portal.runtime import up
from mecm_portal.runtime.control import SupervisorLock
from mecm_portal.runtime.plan import make_plan
from mecm_portal.runtime.trouble import Trouble, from_os_error


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("MECM_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MECM_EDGES", "1")
    monkeypatch.delenv("RESET", raising=False)
    return tmp_path


def a_world(data):
    """A data directory with one site's data and something of somebody else."""
    (data / "center").mkdir()
    (data / "center" / "site.key").write_text("k")
    (data / "thesis").mkdir()
    (data / "story.done").touch()
    return make_plan({"MECM_DATA_DIR": str(data)})


def test_reset_asks_and_keeps_everything_without_a_yes(data):
    plan, questions = a_world(data), []

    def no(question):
        questions.append(question)
        return "y"

    with pytest.raises(Trouble, match="Nothing was deleted"):
        up.reset(plan, answer="1", ask=no)
    assert "all data of center" in questions[0]
    assert (data / "center" / "site.key").exists()


def test_reset_deletes_what_sites_made_and_nothing_else(data):
    up.reset(a_world(data), answer="1", ask=lambda question: "yes")
    assert [path.name for path in data.iterdir()] == ["thesis"]


def test_reset_yes_does_not_ask(data):
    up.reset(a_world(data), answer="yes", ask=lambda question: pytest.fail("asked"))
    assert not (data / "center").exists()


def test_reset_without_a_terminal_needs_the_word(data, monkeypatch, capsys):
    a_world(data)
    monkeypatch.setenv("RESET", "1")
    assert up.main([]) == 1
    assert "RESET=yes gives it" in capsys.readouterr().err
    assert (data / "center" / "site.key").exists()


def test_a_full_disk_is_told_before_anything_starts(data, monkeypatch, capsys):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 10, 0))
    assert up.main([]) == 1
    assert "is full" in capsys.readouterr().err


def test_a_file_in_place_of_the_directory_is_told(data, monkeypatch, capsys):
    (data / "file").touch()
    monkeypatch.setenv("MECM_DATA_DIR", str(data / "file" / "below"))
    assert up.main([]) == 1
    assert "set MECM_DATA_DIR to another directory" in capsys.readouterr().err


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_errors_of_the_disk_have_a_remedy(number):
    assert str(from_os_error(OSError(number, "x", "/data"))).startswith("Cannot write /data: ")


def test_other_errors_are_bugs():
    assert from_os_error(OSError(errno.EBADF, "x")) is None


def test_a_second_supervisor_is_refused(data, capsys):
    first = SupervisorLock(data)
    first.take()
    try:
        assert up.main([]) == 1
    finally:
        first.release()
    assert "running already (supervisor: process" in capsys.readouterr().err


def test_site_without_a_supervisor_says_how_to_start_one(data, capsys):
    assert up.site_main(["stop", "center"]) == 1
    assert (
        capsys.readouterr().err == f"No sites are running in {data}; start them with “make run”.\n"
    )


@pytest.mark.parametrize("words", [[], ["restart", "center"], ["stop", "a", "b"]])
def test_site_with_wrong_words_shows_its_usage(data, capsys, words):
    assert up.site_main(words) == 2
    assert "stop|start|status NAME" in capsys.readouterr().out
