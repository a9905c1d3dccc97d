"""Migrations between the schema versions of one family: which lead from here to there, and what one key says.

``path.py`` is the path rule of the key layout (step 5), ``manifest.py`` reads the value of a migration key. Running a
step is the business of ``engine/``, and what a patch or a lens does that of ``core/patch.py`` and ``core/lens``.
"""

from versiqiid.core.migration.manifest import RUNTIMES, Manifest, edges_of, parse_manifest
from versiqiid.core.migration.path import Edge, Path, Routes, best_path, direction, is_ordered_version, routes_to

__all__ = [
    "RUNTIMES",
    "Edge",
    "Manifest",
    "Path",
    "Routes",
    "best_path",
    "direction",
    "edges_of",
    "is_ordered_version",
    "parse_manifest",
    "routes_to",
]
