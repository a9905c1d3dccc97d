"""Where others are told to find the API: an absolute address, whatever is listened on."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest

from versiqiid.api.listening import address, bound
from versiqiid.errors import InvalidSetting
from versiqiid.settings import Settings


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"listen": "127.0.0.1:8080"}, "http://127.0.0.1:8080"),
        ({"listen": "[::1]:8080"}, "http://[::1]:8080"),
        ({"listen": "localhost:81"}, "http://localhost:81"),
        ({"listen": "127.0.0.1:1", "public_url": "https://v.example/api/"}, "https://v.example/api"),
    ],
)
def test_the_public_address_is_the_setting_or_what_is_listened_on(given: dict[str, str], told: str) -> None:
    assert Settings(**given).public == told


@pytest.mark.parametrize("anywhere", ["0.0.0.0", "[::]"])  # noqa: S104 - what people write
def test_any_address_is_no_place_for_others_to_go(anywhere: str) -> None:
    """Who listens everywhere is found by the machine's name."""
    public = urlsplit(Settings(listen=f"{anywhere}:8080", api_token_file="tokens").public)
    assert (public.hostname, public.port) == (socket.gethostname().lower(), 8080)


def test_what_is_bound_tells_its_port_and_refuses_until_it_is_listened_on() -> None:
    """Port 0 has become a real one before anything is served; nobody waits in a queue that is not served."""
    with bound("listen", "127.0.0.1:0") as listener:
        host, _, port = address(listener).rpartition(":")
        assert host == "127.0.0.1"
        assert int(port) > 0
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, int(port)), timeout=10)
        listener.listen()
        socket.create_connection((host, int(port)), timeout=10).close()


def test_an_address_that_cannot_be_had_is_a_wrong_setting() -> None:
    with bound("listen", "127.0.0.1:0") as listener:
        listener.listen()
        with pytest.raises(InvalidSetting, match="listen"):
            bound("listen", address(listener))
