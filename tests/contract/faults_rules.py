"""Faults of the original that cannot be here: those around tenants, tokens and rules."""

NOT_APPLICABLE: dict[str, str] = {}
