"""REST under ``/v1``: the key layout over HTTP, with entity tags. No use case lives here: see ``api/service.py``."""
