"""The host side: effective configs become files, the files are checked, swapped, reloaded, probed, kept or restored.

What a host does is decided here alone. How a store is spoken to is not: only ``ports`` is used, and nothing of the
engine or the adapters is imported. Start reading at ``change.py``: it is the whole of one change, top to bottom.
"""
