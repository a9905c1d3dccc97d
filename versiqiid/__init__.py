"""Versiqii: every engine reads a configuration that fits the version that is actually running.

The package has rooms, and imports go one way (``docs/architecture.md``)::

    __main__ -> daemon -> api, cli -> engine, agent -> ports -> core -> errors

Nothing is exported here: open the room you need.
"""

__version__ = "0.1.0"
