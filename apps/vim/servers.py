"""The servers of an instance one by one: what they are, and what may be done with them when.

A driver whose VIM runs virtual machines offers :class:`RunsServers` beside the methods of
:class:`apps.vim.contract.VimDriver`; one that does not is asked nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol, Self, runtime_checkable
from uuid import UUID

from django.utils.translation import gettext_noop as N_

from apps.common.errors import Conflict, Invalid
from apps.common.states import Machine
from apps.vim.results import items_of, plain

NOT_ACTIVE = N_("“%(server)s” is %(state)s.")


class Action(StrEnum):
    """What may be done with a server; ``CONSOLE`` asks for a link to its screen."""

    START = "start"
    STOP = "stop"
    REBOOT_SOFT = "reboot_soft"
    REBOOT_HARD = "reboot_hard"
    PAUSE = "pause"
    UNPAUSE = "unpause"
    SUSPEND = "suspend"
    RESUME = "resume"
    CONSOLE = "createConsole"


# The two that EdgeGallery's API tells apart by a second field.
REBOOTS: Final = {"SOFT": Action.REBOOT_SOFT, "HARD": Action.REBOOT_HARD}


def body_of(action: Action) -> dict[str, str]:
    """How EdgeGallery's API spells an action: ``{"action": "reboot", "reboot": "HARD"}``."""
    for how, one in REBOOTS.items():
        if one is action:
            return {"action": "reboot", "reboot": how}
    return {"action": str(action)}


_A = Action
_HARD: Mapping[str, str] = {_A.REBOOT_HARD: "ACTIVE"}
# Nova's words and its rules ("Server concepts" in its API guide).  A state that is not here, such
# as BUILD or DELETING, allows nothing.
SERVER = Machine(
    "server",
    {
        "ACTIVE": {
            _A.STOP: "SHUTOFF",
            _A.REBOOT_SOFT: "ACTIVE",
            **_HARD,
            _A.PAUSE: "PAUSED",
            _A.SUSPEND: "SUSPENDED",
            _A.CONSOLE: "ACTIVE",
        },
        "SHUTOFF": {_A.START: "ACTIVE", **_HARD},
        "PAUSED": {_A.UNPAUSE: "ACTIVE", **_HARD, _A.CONSOLE: "PAUSED"},
        "SUSPENDED": {_A.RESUME: "ACTIVE", **_HARD},
        "ERROR": {_A.STOP: "SHUTOFF", **_HARD},
    },
)


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """An address of a server; ``mac`` is that of its port."""

    network: str
    ip: str
    mac: str = ""


@dataclass(frozen=True, slots=True)
class ServerFlavor:
    """The sizes of a server: ``ram`` in MiB, ``disk`` in GiB, as Nova counts; None: not known."""

    name: str = ""
    vcpus: int | None = None
    ram: int | None = None
    disk: int | None = None


@dataclass(frozen=True, slots=True)
class ServerDetails:
    """One virtual machine.

    ``status`` is Nova's word; ``task`` what is being done to it, and nothing else may be done
    meanwhile.  ``host`` is the compute host, where the credentials may see it.  ``fault`` says in
    the cloud's words why it is in ERROR.  ``instance_id`` and ``instance`` are of the instance that
    it belongs to, empty for one that is not ours.
    """

    id: str
    name: str
    status: str
    task: str = ""
    addresses: tuple[ServerAddress, ...] = ()
    flavor: ServerFlavor = ServerFlavor()
    image: str = ""
    host: str = ""
    zone: str = ""
    created: datetime | None = None
    key_name: str = ""
    security_groups: tuple[str, ...] = ()
    fault: str = ""
    instance_id: str = ""
    instance: str = ""

    @property
    def ips(self) -> str:
        """Its addresses."""
        return ", ".join(one.ip for one in self.addresses)

    @property
    def actions(self) -> list[str]:
        """What may be done with it now."""
        return [] if self.task else SERVER.verbs(self.status)

    def require(self, action: Action) -> None:
        """IllegalMove where the table does not allow it, Conflict while something else is done."""
        if self.task:
            raise Conflict(
                N_("“%(server)s” is busy (%(task)s)."),
                code="server_busy", server=self.name, task=self.task,
                extra={"state": self.status, "task": self.task, "allowed": []},
            )
        SERVER.move(self.status, action)

    def as_json(self) -> dict[str, Any]:
        """The server as plain data for the API and for a message between sites."""
        data: dict[str, Any] = spelled(plain(self))
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The server that ``as_json`` wrote; unknown keys are ignored, nonsense is Invalid."""
        try:
            sizes = data.get("flavor") or {}
            made = data.get("created")
            return cls(
                id=str(data["id"]),
                name=str(data["name"]),
                status=str(data["status"]),
                **{name: str(data.get(_camel(name)) or "") for name in _TEXTS},
                addresses=tuple(
                    ServerAddress(str(one["network"]), str(one["ip"]), str(one.get("mac") or ""))
                    for one in items_of(data, "addresses")
                ),
                flavor=ServerFlavor(
                    str(sizes.get("name") or ""),
                    *(whole_of(sizes.get(name)) for name in ("vcpus", "ram", "disk")),
                ),
                created=datetime.fromisoformat(made) if made else None,
                security_groups=tuple(str(one) for one in data.get("securityGroups") or ()),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Invalid(N_("This is not a server.")) from error


_TEXTS = ("task", "image", "host", "zone", "key_name", "fault", "instance_id", "instance")


def spelled(data: Any) -> Any:
    """Plain data with its names as EdgeGallery's API spells them: ``keyName``."""
    if isinstance(data, dict):
        return {_camel(name): spelled(value) for name, value in data.items()}
    return [spelled(one) for one in data] if isinstance(data, list) else data


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def whole_of(value: Any) -> int | None:
    """A whole number, or None for "not known"."""
    return None if value is None else int(value)


@runtime_checkable
class RunsServers(Protocol):
    """What a driver offers whose instances are virtual machines.

    ``server_id`` is the id that the status of the instance tells; NotFound for any other, also for
    a server of another instance.  Each may raise VimUnreachable and VimRefused.
    """

    def server(self, instance_id: UUID, server_id: str) -> ServerDetails:
        """What the VIM knows of one server now."""

    def act(self, instance_id: UUID, server_id: str, action: Action) -> ServerDetails:
        """Order an action and return quickly; Conflict while the state does not allow it.

        Returns the server as it was found before.  CONSOLE is asked for with ``screen``.
        """

    def screen(self, instance_id: UUID, server_id: str) -> str:
        """A new link to the screen (noVNC); whoever has it sees and types, for minutes."""
