"""PostgreSQL: the journal of a fleet, append-only by ownership, grants and guards. The one door to ``psycopg``."""
