"""What the SQL journals share: decisions, statements and group commit, written once over DB-API.

No database driver is imported here. ``adapters/sqlite`` and ``adapters/postgres`` bring the connection (``Database``),
the tables and the guards; they may import this room, and it imports neither: ``docs/decisions/0003-*.md``.
"""
