"""One command's conversation with the daemon: requests, problems as errors, and what is printed how."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

from versiqiid import __version__
from versiqiid import errors as e
from versiqiid.cli.output import show
from versiqiid.core.violation import Violation

TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """:ivar etag: the revision that the answer told, 0 when none."""

    raw: bytes
    etag: int
    status: int

    def json(self) -> Any:
        import json  # noqa: PLC0415

        return json.loads(self.raw)


@dataclass(slots=True)
class Session:
    """What every command is given."""

    addr: str
    token_file: str | None = None
    output: str | None = None
    correlation_id: str | None = None

    def get(self, path: str, **query: Any) -> Answer:
        return self.request("GET", path, query=query)

    def key(self, key: str) -> Answer:
        """The value of one key. :raises NotFound: nothing there."""
        return self.get(f"/v1/{key}")

    def items(self, prefix: str, *, values: bool = True) -> list[dict[str, Any]]:
        """Everything under a prefix, page by page."""
        found: list[dict[str, Any]] = []
        token = ""
        while True:
            page = self.get(f"/v1/{prefix}", values=str(values).lower(), page_size="1000", page_token=token).json()
            found += page["items"]
            token = page.get("nextPageToken", "")
            if not token:
                return found

    def put(self, key: str, raw: bytes, *, over: int | str | None = None, dry_run: bool = False) -> dict[str, Any]:
        """Write a key. ``over``: None = create, or anything that is the same; a revision; or ``*``."""
        headers = {} if over is None else {"If-Match": over if over == "*" else f'"{over}"'}
        query = {"validate_only": "true"} if dry_run else {}
        told: dict[str, Any] = self.request("PUT", f"/v1/{key}", body=raw, headers=headers, query=query).json()
        return told

    def replace(self, key: str, raw: bytes, *, check_index: int | None = None, dry_run: bool = False) -> dict[str, Any]:
        """Write a key over what is there now, or over exactly ``check_index``; a race is a conflict, never a loss."""
        if check_index is not None:
            return self.put(key, raw, over=check_index, dry_run=dry_run) if check_index else self.put(key, raw, dry_run=dry_run)
        try:
            return self.put(key, raw, dry_run=dry_run)
        except PreconditionRequired:
            return self.put(key, raw, over=self.key(key).etag, dry_run=dry_run)

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        query: dict[str, Any] | None = None,
    ) -> Answer:
        """One request.

        :raises Unavailable: the daemon does not answer. :raises VersiqiiError: what it answered, by its code.
        """
        import httpx2  # noqa: PLC0415 - a tenth of a second that --help need not pay

        url = self.addr.rstrip("/") + quote(path, safe="/:@")
        try:
            answer = httpx2.request(
                method, url, content=body, headers=self._headers() | (headers or {}), params=query, timeout=TIMEOUT_S
            )
        except httpx2.HTTPError as error:
            raise e.Unavailable(
                f"the daemon at {self.addr} does not answer: {type(error).__name__}",
                hint="Is versiqiid running there? Set VERSIQII_ADDR or --addr.",
            ) from error
        tag = answer.headers.get("etag", "").strip('"')
        if answer.status_code >= 400:  # noqa: PLR2004 - HTTP errors begin there
            _raise(answer.status_code, answer.content)
        return Answer(answer.content, int(tag) if tag.isdigit() else 0, answer.status_code)

    def stream(self, path: str, **query: Any) -> Iterator[Any]:
        """Server-sent events as JSON values, until the daemon or the user ends it."""
        import json  # noqa: PLC0415

        import httpx2  # noqa: PLC0415

        headers = self._headers() | {"Accept": "text/event-stream"}
        url = self.addr.rstrip("/") + path
        with httpx2.stream("GET", url, headers=headers, params=query, timeout=httpx2.Timeout(TIMEOUT_S, read=None)) as answer:
            if answer.status_code >= 400:  # noqa: PLR2004 - HTTP errors begin there
                _raise(answer.status_code, answer.read())
            for line in answer.iter_lines():
                if line.startswith("data:"):
                    yield json.loads(line.removeprefix("data:"))

    def show(self, rows: Any, *columns: str, wide: tuple[str, ...] = ()) -> None:
        """Print rows as the user asked for."""
        show(rows, columns, wide, self.output or "table")

    def tell(self, line: str) -> None:
        """A remark: standard error."""
        print(line, file=sys.stderr)

    def _headers(self) -> dict[str, str]:
        found = {"User-Agent": f"versiqii/{__version__}"}
        token = os.environ.get("VERSIQII_TOKEN", "")
        if not token and self.token_file:
            token = Path(self.token_file).read_text(encoding="utf-8").strip()
        if token:
            found["Authorization"] = f"Bearer {token}"
        if self.correlation_id:
            found["X-Correlation-Id"] = self.correlation_id
        return found | _git()


class PreconditionRequired(e.Conflict):
    """The key exists; say what is written over."""


def _git() -> dict[str, str]:
    """Where the change comes from, as CI systems tell in the environment."""
    names = {
        "X-Git-Commit": ("VERSIQII_GIT_COMMIT", "GITHUB_SHA", "CI_COMMIT_SHA"),
        "X-Git-Repository": ("VERSIQII_GIT_REPOSITORY", "GITHUB_REPOSITORY", "CI_PROJECT_PATH"),
    }
    found = {header: next((os.environ[n] for n in known if os.environ.get(n)), "") for header, known in names.items()}
    return {header: value for header, value in found.items() if value}


def _raise(status: int, raw: bytes) -> NoReturn:
    import json  # noqa: PLC0415

    try:
        told = json.loads(raw)
    except ValueError:
        told = {}
    detail, hint = str(told.get("detail", f"HTTP {status}")), str(told.get("hint", ""))
    if status == 428:  # noqa: PLR2004 - Precondition Required
        raise PreconditionRequired(detail, key="", expected=0, found=None, hint=hint)
    if status in (409, 412):
        if told.get("code") == "immutable":
            raise e.Refused(detail, hint=hint)
        raise e.Conflict(detail, key=str(told.get("key", "")), expected=0, found=told.get("found"), hint=hint)
    if status == 422 and "violations" in told:  # noqa: PLR2004 - Unprocessable Content
        violations = tuple(Violation(v["pointer"], v["keyword"], v["message"]) for v in told["violations"])
        raise e.ValidationFailed(detail, violations=violations, hint=hint)
    kinds = {401: e.Forbidden, 403: e.Forbidden, 404: e.NotFound, 503: e.Unavailable, 429: e.Unavailable}
    kind = kinds.get(status, e.InvalidInput if status < 500 else e.Internal)  # noqa: PLR2004 - server errors begin there
    raise kind(detail, hint=hint)
