"""What the words of a VIM for events mean, as sentences; its own text stands beside them."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as N_

from apps.monitoring.marks import INFO, WARN
from apps.vim.voices import WorkloadEvent

WARNING = "Warning"
_SENTENCES = {
    "BackOff": N_("The container starts and stops again and again; the next start is put off."),
    "Created": N_("The container was made."),
    "Evicted": N_("It was evicted because its node ran out of resources."),
    "Failed": N_("The container could not be started."),
    "FailedCreate": N_("A pod could not be made."),
    "FailedCreatePodSandBox": N_("The node could not prepare the pod."),
    "FailedMount": N_("A volume could not be attached."),
    "FailedScheduling": N_("No node fits."),
    "Killing": N_("The container is being stopped."),
    "NodeNotReady": N_("Its node does not answer."),
    "OOMKilling": N_("It was stopped because it used more memory than it may."),
    "Preempted": N_("It had to make room for something more important."),
    "Pulled": N_("The image is on the node."),
    "Pulling": N_("The node fetches the image."),
    "ScalingReplicaSet": N_("The number of pods was changed."),
    "Scheduled": N_("A node was chosen."),
    "Started": N_("The container was started."),
    "SuccessfulCreate": N_("A pod was made."),
    "SuccessfulDelete": N_("A pod was removed."),
    "Unhealthy": N_("A health check failed."),
}
_PULL = N_("The image cannot be pulled.")
_PULL_LATER = N_("The image cannot be pulled; the next attempt is put off.")


@dataclass(frozen=True, slots=True)
class Told:
    """An event with its sentence; empty where only the VIM's own words are known."""

    event: WorkloadEvent
    words: str
    tone: str

    @property
    def is_warning(self) -> bool:
        """Whether the VIM calls it a warning."""
        return self.event.type == WARNING


def told(event: WorkloadEvent) -> Told:
    """The event as people read it, in their language."""
    text = _SENTENCES.get(event.reason, "")
    if "image" in event.message.lower() and event.reason in ("Failed", "BackOff"):
        text = _PULL if event.reason == "Failed" else _PULL_LATER
    return Told(event, gettext(text) if text else "", WARN if event.type == WARNING else INFO)
