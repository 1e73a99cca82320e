"""Service liveness (MEC 011 clause 7.1.6 f.): deadlines in memory, transitions in the database."""
