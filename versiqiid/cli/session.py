"""One command's conversation with the daemon: requests, problems as errors, and what is printed how."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from versiqiid import __version__
from versiqiid import errors as e
from versiqiid.cli import output
from versiqiid.cli.problems import raise_problem

TIMEOUT_S = 60.0
PAGE_SIZE = 5000
_ERRORS_FROM = 400


@dataclass(frozen=True, slots=True)
class Answer:
    """:ivar etag: the revision that the answer told, 0 when none. :ivar date: its ``Date`` header, empty when none."""

    raw: bytes
    etag: int
    status: int
    date: str = ""

    def json(self) -> Any:
        """
        :raises Internal: whoever answered is no daemon of ours.
        """
        try:
            return json.loads(self.raw)
        except ValueError as error:
            raise e.Internal("the answer is no JSON", hint="Is it versiqiid that listens at --addr?") from error


@dataclass(slots=True)
class Session:
    """What every command is given."""

    addr: str
    token_file: str | None = None
    output: str | None = None
    correlation_id: str | None = None
    git: Mapping[str, str | None] = field(default_factory=dict)

    def get(self, path: str, **query: Any) -> Answer:
        return self.request("GET", path, query=query)

    def key(self, key: str) -> Answer:
        """The value of one key. :raises NotFound: nothing there."""
        return self.get(f"/v1/{key}")

    def items(self, prefix: str, *, values: bool = True) -> list[dict[str, Any]]:
        """Everything under a prefix, page by page; a value that is no text stands as ``valueBase64``."""
        return self.pages(f"/v1/{prefix}", values=str(values).lower())

    def pages(self, path: str, **query: str) -> list[dict[str, Any]]:
        """The items of a list, page by page to its end."""
        found: list[dict[str, Any]] = []
        query["page_size"] = str(PAGE_SIZE)
        while True:
            page = self.get(path, **query).json()
            found += page["items"]
            if "nextPageToken" not in page:
                return found
            query["page_token"] = page["nextPageToken"]

    def put(self, key: str, raw: bytes, *, over: int | str | None = None, dry_run: bool = False) -> dict[str, Any]:
        """Write a key. ``over``: None = only create; a revision; or ``*``.

        :raises PreconditionRequired: it exists, and ``over`` is None.
        """
        headers = {} if over is None else {"If-Match": over if over == "*" else f'"{over}"'}
        query = {"validate_only": "true"} if dry_run else {}
        told: dict[str, Any] = self.request("PUT", f"/v1/{key}", body=raw, headers=headers, query=query).json()
        return told

    def transact(self, operations: list[dict[str, Any]], *, dry_run: bool = False) -> dict[str, Any]:
        """Write several keys, all or nothing."""
        body = json.dumps({"operations": operations}).encode()
        query = {"validate_only": "true"} if dry_run else {}
        told: dict[str, Any] = self.request("POST", "/v1/txn", body=body, query=query).json()
        return told

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Answer:
        """One request.

        :raises Unavailable: the daemon does not answer. :raises VersiqiiError: what it answered, by its code.
        """
        answer = self.ask(method, path, body=body, headers=headers, query=query)
        if answer.status >= _ERRORS_FROM:
            raise_problem(answer.status, answer.raw)
        return answer

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Answer:
        """One request, whatever is answered.

        :raises Unavailable: the daemon does not answer.
        """
        with self._client() as client, self._reaching():
            found = client.request(method, self.url(path), content=body, headers=headers, params=query or None)
        tag = found.headers.get("etag", "").strip('"')
        date = found.headers.get("date", "")
        return Answer(found.content, int(tag) if tag.isdigit() else 0, found.status_code, date)

    def stream(self, path: str, *, begun: Callable[[], None] = lambda: None, **query: Any) -> Iterator[Any]:
        """The data of server-sent events as JSON values, until the user ends it.

        :param begun: called once, as soon as nothing is missed any more.
        :raises Unavailable: the daemon does not answer, or ended the stream.
        """
        import httpx2  # noqa: PLC0415

        accept = {"Accept": "text/event-stream"}
        timeout = httpx2.Timeout(TIMEOUT_S, read=None)
        with (
            self._client() as client,
            self._reaching(),
            client.stream("GET", self.url(path), headers=accept, params=query or None, timeout=timeout) as answer,
        ):
            if answer.status_code >= _ERRORS_FROM:
                raise_problem(answer.status_code, answer.read())
            begun()
            for line in answer.iter_lines():
                if line.startswith("data:"):
                    yield json.loads(line.removeprefix("data:"))
        raise e.Unavailable("the daemon ended the stream", hint="Ask again; what was missed is in the journal.")

    def show(self, rows: Any, *columns: str, wide: tuple[str, ...] = (), name: str = "") -> None:
        """Print rows as the user asked for."""
        output.show(rows, output.Columns(columns, wide, name), self.output or "table")

    def tell(self, line: str) -> None:
        """A remark: standard error."""
        print(line, file=sys.stderr)

    def url(self, path: str) -> str:
        address = self.addr if "://" in self.addr else f"http://{self.addr}"
        return address.rstrip("/") + quote(path, safe="/:@")

    @contextmanager
    def _client(self) -> Iterator[Any]:
        """A client for one request. A proxy is not asked for what listens on this very machine."""
        import httpx2  # noqa: PLC0415 - a tenth of a second that --help need not pay

        try:
            local = (urlsplit(self.url("/")).hostname or "") in ("127.0.0.1", "localhost", "::1")
            client = httpx2.Client(headers=self._own_headers(), timeout=TIMEOUT_S, trust_env=not local)
        except (ValueError, httpx2.InvalidURL) as error:
            raise _bad_address(self.addr) from error
        with client:
            yield client

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        import httpx2  # noqa: PLC0415

        try:
            yield
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
            raise _bad_address(self.addr) from error
        except httpx2.HTTPError as error:
            raise e.Unavailable(
                f"the daemon at {self.addr} does not answer: {type(error).__name__}",
                hint="Is versiqiid running there? Set VERSIQII_ADDR or --addr.",
            ) from error

    def _own_headers(self) -> dict[str, str]:
        found = {"User-Agent": f"versiqii/{__version__}"}
        token = _token(self.token_file)
        if token:
            found["Authorization"] = f"Bearer {token}"
        if self.correlation_id is not None:
            found["X-Correlation-Id"] = _header("--correlation-id", self.correlation_id)
        trace = os.environ.get("TRACEPARENT", "")
        found |= {"traceparent": _header("TRACEPARENT", trace)} if trace else {}
        return found | _git(self.git)


def _token(file: str | None) -> str:
    """The API token: what the command line names is nearer than the environment."""
    token = os.environ.get("VERSIQII_TOKEN", "")
    if file:
        try:
            token = (Path(file).read_text(encoding="utf-8").split() or [""])[0]
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not text"
            raise e.InvalidSetting(f"setting 'token-file': {file}: {reason}") from error
    return _header("the API token", token)


def _header(what: str, text: str) -> str:
    if not text.isascii() or not text.isprintable():
        raise e.InvalidSetting(f"{what} holds characters that no header can carry")
    return text


def _bad_address(addr: str) -> e.InvalidSetting:
    return e.InvalidSetting(f"setting 'addr': {addr[:200]!r} is no address", hint="Write http://host:port.")


# In the order in which they are believed: our own, GitHub and Gitea, GitLab, Bitbucket, CircleCI, Buildkite, Azure,
# Drone and Woodpecker, Jenkins. Each name is documented by its system as the commit or repository that is built.
_CI = {
    "commit": (
        "VERSIQII_GIT_COMMIT", "GITHUB_SHA", "CI_COMMIT_SHA", "BITBUCKET_COMMIT", "CIRCLE_SHA1", "BUILDKITE_COMMIT",
        "BUILD_SOURCEVERSION", "DRONE_COMMIT_SHA", "GIT_COMMIT",
    ),
    "repository": (
        "VERSIQII_GIT_REPOSITORY", "GITHUB_REPOSITORY", "CI_PROJECT_PATH", "BITBUCKET_REPO_FULL_NAME",
        "CIRCLE_PROJECT_REPONAME", "BUILDKITE_REPO", "BUILD_REPOSITORY_NAME", "DRONE_REPO", "CI_REPO", "GIT_URL",
    ),
    "path": ("VERSIQII_GIT_PATH",),
}  # fmt: skip


def _git(given: Mapping[str, str | None]) -> dict[str, str]:
    """Where the change comes from: as the command line says, else as CI systems tell in the environment."""
    found = {}
    for name, known in _CI.items():
        value = given.get(name) or next((os.environ[n] for n in known if os.environ.get(n)), "")
        if "://" in value and "@" in value:
            from versiqiid.core.provenance import without_credentials  # noqa: PLC0415 - what --help need not pay

            value = without_credentials(value)
        if value and value.isascii() and value.isprintable():
            found[f"X-Git-{name.capitalize()}"] = value
    return found
