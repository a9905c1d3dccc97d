"""Metrics that nobody reads, for commands that live a moment."""

from __future__ import annotations


class Silent:
    """Takes every number and keeps none."""

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        del name, amount, labels

    def gauge(self, name: str, value: float, **labels: str) -> None:
        del name, value, labels

    def observe(self, name: str, value: float, **labels: str) -> None:
        del name, value, labels
