"""Logs: JSON lines on standard error, redacted last. The only importer of structlog.

An event is a snake_case name with fields. Values of documents and secrets are never given to a logger; the redaction
here is the last net, not the first.
"""

from __future__ import annotations

import sys
from typing import Any

import structlog

_SECRET_NAMES = ("token", "secret", "password", "authorization", "x-vault-token", "x-consul-token", "private_key")
_MASK = "***"


def logger(name: str) -> Any:
    """A logger that names its room in every line."""
    return structlog.get_logger(room=name)


def configure(level: str = "info") -> None:
    """Set up logging for a process of ours. Until this is called, log lines go to nobody.

    :param level: debug | info | warning | error.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def redact(_logger: Any, _method: str, event: Any) -> Any:
    """Mask every field whose name says that it is a secret."""
    for name in event:
        if any(part in name.lower() for part in _SECRET_NAMES):
            event[name] = _MASK
    return event


structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
