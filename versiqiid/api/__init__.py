"""The faces of the daemon: REST, events, pages. All of them meet in ``service.py`` and nowhere else."""
