"""What may be done with a server, in words and as buttons; and where its console is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext_lazy as _

from apps.common.words import Text
from apps.vim.contract import Server
from apps.vim.servers import SERVER, Action


@dataclass(frozen=True, slots=True)
class Choice:
    """A button.  What ``warns`` is asked about first, with these consequences."""

    action: Action
    label: Text
    sign: str = ""
    warns: Sequence[Text] = ()

    @property
    def is_screen(self) -> bool:
        """Whether it opens a tab of its own and changes nothing."""
        return self.action is Action.CONSOLE


CHOICES: Final[Mapping[str, Choice]] = {
    one.action: one
    for one in (
        Choice(Action.START, _("Start"), "play"),
        Choice(Action.UNPAUSE, _("Unpause"), "play"),
        Choice(Action.RESUME, _("Resume"), "play"),
        Choice(Action.CONSOLE, _("Open screen"), "host"),
        Choice(Action.PAUSE, _("Pause")),
        Choice(Action.SUSPEND, _("Suspend")),
        Choice(Action.REBOOT_SOFT, _("Reboot"), "retry"),
        Choice(Action.REBOOT_HARD, _("Hard reboot"), "retry", (
            _("It is switched off and on without being asked; what it has not written is lost."),
        )),
        Choice(Action.STOP, _("Stop"), "stop", (
            _("What runs on it ends.  It keeps its disks and addresses, and can be started again."),
        )),
    )
}


def choices_in(status: str, task: str = "") -> list[Choice]:
    """The buttons of a server in a state of Nova's; none while something is being done to it."""
    return [] if task else [
        one for one in CHOICES.values() if SERVER.allows(status, one.action)
    ]


def console_of(server: Server) -> str:
    """By what the log page knows the console of a server: its name, unless that looks like two."""
    return server.id if "/" in server.name else server.name
