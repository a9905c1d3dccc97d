"""X.509 certificates as far as anybody here wants to know: when they end. The door to ``cryptography.x509``."""

from __future__ import annotations

from datetime import datetime

from versiqiid.errors import InvalidInput


def ends_at(pem: bytes) -> datetime:
    """When the first certificate of a PEM file is no longer good, in UTC.

    :raises InvalidInput: there is no certificate in it.
    """
    from cryptography import x509  # noqa: PLC0415 - heavy, and only a doctor needs it

    try:
        return x509.load_pem_x509_certificate(pem).not_valid_after_utc
    except ValueError as error:
        raise InvalidInput("expected a certificate in PEM form") from error
