"""Judges documents, and compares schemas, in processes that can be killed, so that no schema stalls the daemon.

``pool.py`` implements ``Validator``, ``comparer.py`` what the API asks about pairs of schemas. What fits is decided in
``core/schema``, what is compatible in ``core/compatibility``; here is only where that runs, for how long, and what is
said when it does not end.
"""

from versiqiid.adapters.validation.comparer import ProcessComparer
from versiqiid.adapters.validation.pool import ProcessValidator

__all__ = ["ProcessComparer", "ProcessValidator"]
