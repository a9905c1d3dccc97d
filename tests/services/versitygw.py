"""A real S3 server on a folder: versioned buckets, Object Lock, objects that are created once."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, ClassVar

from tests.services.recipes import Recipe
from tests.services.server import Server
from tests.services.tools import VERSITYGW
from tests.services.wire import call

if TYPE_CHECKING:
    from tests.services.finder import Found

REGION = "us-east-1"
_HEALTH = "/health"


class Versitygw(Server):
    """One gateway with one user who may do everything. What it keeps are plain files below `objects`.

    :ivar access_key: and `secret_key`: the user's.
    """

    recipe: ClassVar[Recipe] = VERSITYGW
    title: ClassVar[str] = "versitygw"

    def __init__(self, found: Found | None = None) -> None:
        super().__init__(found)
        self.access_key = f"AK{secrets.token_hex(8).upper()}"
        self.secret_key = secrets.token_hex(20)

    @property
    def url(self) -> str:
        """The endpoint, for clients that want a scheme."""
        return f"http://{self.address}"

    @property
    def credentials(self) -> dict[str, str]:
        """The environment of a client: endpoint, region and keys under the names that AWS's own clients read."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": REGION,
        }

    def environment(self) -> dict[str, str]:
        return super().environment() | {"ROOT_ACCESS_KEY": self.access_key, "ROOT_SECRET_KEY": self.secret_key}

    def _command(self) -> list[str]:
        folders = [self.folder / name for name in ("versions", "objects")]
        for folder in folders:
            folder.mkdir(exist_ok=True)
        versions, objects = map(str, folders)
        who = ("--port", self.address, "--region", REGION, "--health", _HEALTH, "--quiet")
        return [str(self.found.path), *who, "posix", "--versioning-dir", versions, objects]

    def _is_ready(self) -> bool:
        return call(self.address, "GET", _HEALTH, timeout_s=1).status == 200
