"""The version graph: which target versions get on with each other, what an upgrade would break, in which order to go.

Nodes are target versions, edges are ``requires`` (what a version needs of another target in the same environment) and
``accepts`` (which versions of a caller it takes). ``links.py`` holds the edges and judges a state, ``plan.py`` plans,
``order.py`` finds the order of moves (``graphlib``), ``resolve.py`` finds versions (the only importer of resolvelib).
Whether one binding is held because of a breach is decided in ``core/dependencies.py``.
"""

from versiqiid.core.graph.links import Breach, Link, VersionGraph
from versiqiid.core.graph.order import Move
from versiqiid.core.graph.plan import Plan, plan_upgrade
from versiqiid.core.graph.resolve import Cause

__all__ = ["Breach", "Cause", "Link", "Move", "Plan", "VersionGraph", "plan_upgrade"]
