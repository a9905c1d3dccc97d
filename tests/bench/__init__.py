"""Figures, never assertions: `python -m tests.bench` (`make bench`) prints all of them in one run."""
