"""The faults of EdgeGallery's orchestrator that have no test of their own here, each with why."""

NOT_APPLICABLE: dict[str, str] = {}
