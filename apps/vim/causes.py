"""The words that VIMs use for trouble, as sentences.  Not a list of what a driver may raise."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_noop as N_

from apps.common.words import Reason

SENTENCES = {
    "ImagePullBackOff": N_("The image %(image)s of %(name)s cannot be pulled."),
    "ErrImagePull": N_("The image %(image)s of %(name)s cannot be pulled."),
    "InvalidImageName": N_("“%(image)s”, the image of %(name)s, is not the name of an image."),
    "CrashLoopBackOff": N_("%(name)s starts and stops again and again."),
    "OOMKilled": N_("%(name)s was stopped because it used more memory than it may."),
    "CreateContainerConfigError": N_("%(name)s refers to a setting or secret that is not there."),
    "Evicted": N_("%(name)s was evicted because its node ran out of resources."),
    "Unschedulable": N_("No node fits %(name)s."),
    "NoValidHost": N_("No valid host was found for %(name)s."),
    "Error": N_("%(name)s ended with an error."),
}


def cause(word: str, *, name: str, image: str = "", **params: Any) -> Reason:
    """The sentence for a VIM's word about ``name``; a word nobody knows is quoted as it came."""
    text = SENTENCES.get(word, N_("%(name)s is in trouble: %(word)s."))
    return Reason(text, code=word, params={"name": name, "image": image, "word": word, **params})
