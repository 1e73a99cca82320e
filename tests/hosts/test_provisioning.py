"""Repositories that the environment names: taken in once, and never told of with their values."""

from __future__ import annotations

import logging

import pytest

from apps.hosts import provisioning
from apps.hosts.models import AppRepo
from tests import factories as make

ONE = f"repo=10.0.0.1:5000 userName=puller password={make.TOKEN}"


def test_named_repositories_are_registered_once_and_one_that_is_known_stays(house):
    make.repo("10.0.0.2:5000", name="mine")
    text = f"{ONE} | repo=10.0.0.2:5000 userName=other password=a=b | repo=r.example user=x pw=a=b="
    assert provisioning.provision(text) == 2
    assert provisioning.provision(text) == 0
    found = {row.endpoint: row for row in AppRepo.objects.all()}
    assert found["10.0.0.1:5000"].password.reveal() == make.TOKEN
    assert found["r.example"].password.reveal() == "a=b="
    assert (found["10.0.0.2:5000"].name, found["10.0.0.2:5000"].user_name) == ("mine", "puller")


@pytest.mark.parametrize(
    ("entry", "told"),
    [(f"repo=a userName={make.TOKEN}", "2 fields"), (f"{ONE} more=1", "4 fields"),
     (f"repo=a/b userName=u password={make.TOKEN}", "endpoint"),
     (f"repo= userName=u password={make.TOKEN}", "endpoint"),
     (f"repo=a userName=-u password={make.TOKEN}", "user")],
)
def test_entry_that_cannot_be_read_is_left_out_and_told_by_its_number(house, caplog, entry, told):
    """Q10: what is wrong with an entry is logged, and none of its values."""
    caplog.set_level(logging.DEBUG)
    assert provisioning.provision(f"repo=r.example u=v p=w|{entry}") == 1
    assert "entry 2" in caplog.text
    assert told in caplog.text
    assert make.TOKEN not in caplog.text


def test_more_than_twenty_are_refused_together_and_a_full_table_is_told_of(house, caplog):
    many = "|".join(f"repo=r{number}.example u=v p=w" for number in range(21))
    assert provisioning.provision(many) == 0
    assert "at most 20" in caplog.text
    house.LIMITS = house.LIMITS | {"apprepos": 1}
    assert provisioning.provision("repo=a u=v p=w|repo=b u=v p=w") == 1
    assert "entry 2" in caplog.text
    assert provisioning.provision("") == 0
