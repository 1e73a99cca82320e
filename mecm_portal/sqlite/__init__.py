"""Database engine ``mecm_portal.sqlite``: Django's SQLite with a fair queue for writers."""
