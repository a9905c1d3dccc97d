"""SQLite, the embedded default: the key-value store (``store*.py``) and the journal (``journal*.py``) in single files.

The two share nothing but the library: either can be replaced by another backend alone.
"""
