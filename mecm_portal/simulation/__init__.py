"""Both sites in one process under a seeded schedule of trouble: see ``schedule`` and ``model``.

The sites' own code runs unchanged; what it stands on (time, chance, the wire, the VIM, the disk) is
ours, so that a seed that failed can be played again step by step.
"""
