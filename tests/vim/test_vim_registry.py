"""The registry of drivers, its system checks, and results in JSON.  Not what a driver does."""

from __future__ import annotations

import sys
from pathlib import Path
from uuid import uuid4

import pytest
from django.test import override_settings

from apps.common.errors import DomainError, Invalid
from apps.vim import registry
from apps.vim.causes import cause
from apps.vim.checks import check_kinds
from apps.vim.contract import (
    Credentials,
    CredentialsInvalid,
    DriverMissing,
    ProbeResult,
    UnknownKind,
    Usage,
    VimDriver,
    VimRefused,
    VimUnreachable,
    WorkloadStatus,
)


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("", "kubernetes"),
        ("K8S", "kubernetes"),
        ("k8s", "kubernetes"),
        ("Kubernetes", "kubernetes"),
        ("OpenStack", "openstack"),
        ("openstack", "openstack"),
        (" Simulated ", "simulated"),
    ],
)
def test_spellings(spelling: str, name: str) -> None:
    assert registry.kind_of(spelling).name == name


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(
        UnknownKind, match="“vmware” is not a kind of VIM; known are K8S"
    ) as unknown:
        registry.kind_of("vmware")
    assert list(unknown.value.fields) == ["vim"]


def test_what_each_kind_runs() -> None:
    runs = {kind.name: set(kind.app_classes) for kind in registry.kinds()}
    assert runs == {
        "kubernetes": {"container"},
        "openstack": {"vm"},
        "simulated": {"container", "vm"},
    }
    assert [kind.name for kind in registry.kinds() if kind.simulated] == ["simulated"]


def test_a_kind_without_a_driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(registry, "find_spec", lambda name: None)
    held = Credentials("k8s", b"")
    with pytest.raises(DriverMissing, match="no driver for Kubernetes yet") as missing:
        registry.driver_for("k8s", host_id=uuid4(), credentials=held, state_dir=tmp_path)
    assert not missing.value.retryable


def test_a_driver_without_its_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        registry, "find_spec", lambda name: sys if name.startswith("apps.") else None
    )
    with pytest.raises(DriverMissing, match="needs the Python package “openstack”"):
        registry.describe_credentials("OpenStack", b"")
    assert [check.id for check in check_kinds()] == ["vim.W003", "vim.W003"]
    with override_settings(MECM_VIM_KINDS=["K8S", "simulated", "vmware"]):
        assert [check.id for check in check_kinds()] == ["vim.E003", "vim.E001"]


def test_a_wanted_driver_that_is_not_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "find_spec", lambda name: None)
    with override_settings(MECM_VIM_KINDS=["OpenStack"]):
        assert [check.id for check in check_kinds()] == ["vim.E002"]


def test_the_simulated_driver_is_always_there(tmp_path: Path) -> None:
    held = Credentials("Simulated", b"simulated: {}")
    made = registry.driver_for("Simulated", host_id=uuid4(), credentials=held, state_dir=tmp_path)
    assert isinstance(made, VimDriver)


@pytest.mark.parametrize("result", [WorkloadStatus, ProbeResult, Usage])
@pytest.mark.parametrize("data", [{}, {"as_of": 3}, {"as_of": "now", "phase": "x"}, {"pods": 1}])
def test_nonsense_is_invalid(
    result: type[WorkloadStatus | ProbeResult | Usage], data: dict[str, object]
) -> None:
    with pytest.raises(Invalid):
        result.from_json(data)


def test_results_of_a_later_version_are_read() -> None:
    told = {"phase": "Ready", "as_of": "2026-05-04T08:00:00+00:00", "colour": "blue"}
    assert WorkloadStatus.from_json(told).phase == "Ready"


def test_causes_in_words() -> None:
    assert str(cause("ErrImagePull", name="web-1", image="web:1")) == (
        "The image web:1 of web-1 cannot be pulled."
    )
    assert str(cause("Xyzzy", name="web-1")) == "web-1 is in trouble: Xyzzy."


def test_errors_are_of_the_house() -> None:
    for error in (VimUnreachable, VimRefused, CredentialsInvalid, DriverMissing, UnknownKind):
        assert issubclass(error, DomainError)
