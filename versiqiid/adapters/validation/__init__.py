"""Judges documents in a process that can be killed, so that no schema stalls the daemon. Implements ``Validator``.

What fits is decided in ``core/schema``; here is only where that runs, for how long, and what is said when it does not
end.
"""

from versiqiid.adapters.validation.pool import ProcessValidator

__all__ = ["ProcessValidator"]
