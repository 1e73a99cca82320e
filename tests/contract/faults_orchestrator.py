"""The faults of EdgeGallery's orchestrator that have no test of their own here, each with why."""

NOT_APPLICABLE = {
    "Q36": "how the edge took rules is the record of their task; instantiation configures none",
    "Q47": "rules are merged where AppD configurations are kept, not by the orchestrator",
    "Q48": "rule tasks are rows of their own; no instance keeps its rules in one",
    "Q49": "tenants are made and removed by administrators only; no row stands for “has instances”",
}
