"""Sockets that the API is served on: bound before anything else needs to know where that is. Nothing is served here."""

from __future__ import annotations

import socket
from contextlib import ExitStack

from versiqiid.errors import InvalidSetting
from versiqiid.settings import split_listen


def bound(setting: str, listen: str) -> socket.socket:
    """A socket that holds the address and refuses connections until it is listened on.

    :param setting: the name of the setting that says ``listen``, for the error.
    :raises InvalidSetting: the address cannot be had.
    """
    host, port = split_listen(listen)
    try:
        family, kind, proto, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with ExitStack() as unless_bound:
            listener = unless_bound.enter_context(socket.socket(family, kind, proto))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(place)
            unless_bound.pop_all()
    except OSError as error:
        raise InvalidSetting(f"setting '{setting}': {listen}: {error.strerror}", hint="Choose another port.") from error
    return listener


def address(listener: socket.socket) -> str:
    """``host:port`` of what is bound; an IPv6 address in brackets."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
