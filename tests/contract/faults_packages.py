"""Faults of the original that cannot be here: those around packages."""

NOT_APPLICABLE: dict[str, str] = {
    "Q70": "no registry is probed: images are not copied between registries yet",
    "Q78": "there is no docker daemon in the center: images are only referred to",
    "Q79": "there is no such variable, and what nothing calls is not kept in the code",
}
