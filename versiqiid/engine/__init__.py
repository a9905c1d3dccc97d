"""The daemon's moving parts: watch, queue, decide, write, record, lead.

Everything here is asynchronous and anyio only; what can be decided without waiting is decided in ``core``. No adapter
is imported: the engine speaks to ports.
"""
