"""Faults of the original that cannot be here: those of the inventory."""

NOT_APPLICABLE: dict[str, str] = {}
