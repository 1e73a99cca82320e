"""``serve`` runs one site; ``up`` and ``site`` belong to the supervisor."""
