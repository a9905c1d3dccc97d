"""The ``[agent]`` table: which files this host keeps, how they are checked, and what is told about them.

Reading and checking only. Nothing here looks at the disk, so a setting that names a missing file or user is found when
it is used. The models are the documentation of the fields; ``docs/agent.md`` is held to them by a test.
"""

from __future__ import annotations

import difflib
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from versiqiid.core.keys import is_segment
from versiqiid.errors import InvalidSetting

STAGED = "{staged}"
DESTINATION = "{destination}"

Format: TypeAlias = Literal["json", "json-pretty", "yaml", "toml", "ini", "dotenv", "properties", "template"]


def _segment(text: str) -> str:
    if not is_segment(text):
        msg = "must be one key segment, [A-Za-z0-9][A-Za-z0-9._-]*, at most 128 characters"
        raise ValueError(msg)
    return text


def _environment(text: str) -> str:
    if not all(is_segment(segment) for segment in text.split("/")):
        msg = "must be an environment path such as prod/eu-fr"
        raise ValueError(msg)
    return text


def _absolute(path: Path) -> Path:
    if not path.is_absolute() or ".." in path.parts or path == Path("/"):
        msg = "must be an absolute path of a file, without '..'"
        raise ValueError(msg)
    return path


def _command(arguments: tuple[str, ...]) -> tuple[str, ...]:
    if not arguments[0] or any("\0" in argument for argument in arguments):
        msg = "must begin with the name of a program, and hold no NUL characters"
        raise ValueError(msg)
    return arguments


def _address(text: str) -> str:
    """Judges the port; the form is the pattern's business."""
    port = urlsplit(text if "://" in text else f"//{text}").port  # ValueError when it is over 65535
    if port == 0:
        msg = "port 0 cannot be asked"
        raise ValueError(msg)
    return text


def _pattern(text: str) -> str:
    try:
        groups = re.compile(text).groups
    except re.error as error:
        msg = "must be a regular expression"
        raise ValueError(msg) from error
    if groups != 1:
        msg = "must have exactly one group, which is the version"
        raise ValueError(msg)
    return text


Segment = Annotated[str, AfterValidator(_segment)]
AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
Command = Annotated[tuple[str, ...], Field(min_length=1, max_length=256), AfterValidator(_command)]
# Rust's regular expressions: "$" is the very end, also before a line break.
Mode = Annotated[str, StringConstraints(pattern=r"^0?[0-7]{3}$")]
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]
Pause = Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)]
HttpUrl = Annotated[
    str, StringConstraints(pattern=r"^https?://[^\s/]+(/\S*)?$", max_length=2000), AfterValidator(_address)
]
HostPort = Annotated[
    str, StringConstraints(pattern=r"^(\[[0-9A-Fa-f:.]+\]|[^\s:/@]+):[0-9]{1,5}$"), AfterValidator(_address)
]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ProbeSettings(_Table):
    """How to see, after a reload, that the engine works. Exactly one of ``command``, ``http`` and ``tcp``."""

    command: Command | None = None
    """Argument list, no shell; exit status 0 is a success."""
    http: HttpUrl | None = None
    """GET this address; redirects are not followed."""
    status: Annotated[int, Field(ge=100, le=599)] | None = None
    """The HTTP status that is a success; not set: any from 200 to 299."""
    tcp: HostPort | None = None
    """``host:port`` that must accept a connection."""
    delay_s: Pause = 0.0
    """Wait before the first try."""
    timeout_s: Seconds = 5.0
    """Limit of one try."""
    window_s: Pause = 0.0
    """Go on trying for this long until one try succeeds; 0 = one try decides."""
    interval_s: Seconds = 1.0
    """Pause between two tries."""

    @model_validator(mode="after")
    def _one_way(self) -> ProbeSettings:
        _exactly_one(self, "command", "http", "tcp")
        if self.status is not None and self.http is None:
            msg = "status belongs to http"
            raise ValueError(msg)
        return self


class VersionSettings(_Table):
    """How to find out which version really runs. Exactly one of ``command``, ``file`` and ``http``."""

    command: Command | None = None
    """Argument list, no shell; the first line that is not blank of its output is read."""
    file: AbsolutePath | None = None
    """The first line that is not blank of this file is read."""
    http: HttpUrl | None = None
    """GET this address; the body is JSON when ``pointer`` is set, otherwise its first line is read."""
    pointer: Annotated[str, StringConstraints(pattern=r"^(/[^\n]*)?$")] | None = None
    """JSON Pointer (RFC 6901) of the version in the body; belongs to ``http``."""
    pattern: Annotated[str, AfterValidator(_pattern)] | None = None
    """Regular expression with one group, searched in what was read; the group is the version."""
    timeout_s: Seconds = 5.0

    @model_validator(mode="after")
    def _one_way(self) -> VersionSettings:
        _exactly_one(self, "command", "file", "http")
        if self.pointer is not None and self.http is None:
            msg = "pointer belongs to http"
            raise ValueError(msg)
        return self


class FileSettings(_Table):
    """One file on this host, made from one effective config."""

    name: Segment = "default"
    """The binding's name."""
    destination: AbsolutePath
    """The file that the engine reads. A symbolic link there is replaced, never followed."""
    format: Format = "json"
    """``json`` is the effective config byte for byte."""
    template: AbsolutePath | None = None
    """Jinja2 template, for ``format = "template"``."""
    mode: Mode | None = None
    """Octal text such as ``"0640"``. Not set: that of the present file, or 0644, and 0600 when a secret is in it."""
    owner: Annotated[str, StringConstraints(min_length=1)] | None = None
    """User name or number. Not set: that of the present file (as root), or the agent's own."""
    group: Annotated[str, StringConstraints(min_length=1)] | None = None
    """Group name or number. Not set: as ``owner``."""
    check: Command | None = None
    """Argument list, no shell, run before the swap; one argument holds ``{staged}``."""
    check_timeout_s: Seconds = 30.0
    reload: Command | None = None
    """Argument list, no shell. Files of one target with the same ``reload`` change together and reload once."""
    reload_timeout_s: Seconds = 30.0
    probe: ProbeSettings | None = None
    """Run after the reload; a failure brings the previous generation back."""
    generations: Annotated[int, Field(ge=0, le=100)] = 3
    """How many earlier contents are kept; 0 = none, and then nothing can be restored."""
    on_edit: Literal["report", "repair"] = "report"
    """What to do about a file that somebody else changed: tell it, or put the config back (five times at most)."""

    @model_validator(mode="after")
    def _consistent(self) -> FileSettings:
        if (self.format == "template") != (self.template is not None):
            msg = 'template and format = "template" belong together'
            raise ValueError(msg)
        if self.check is not None and not any(STAGED in argument for argument in self.check):
            msg = f"check must name the file it checks: put {STAGED} into one argument"
            raise ValueError(msg)
        return self


class TargetSettings(_Table):
    """One target that runs on this host."""

    target: Segment
    files: Annotated[tuple[FileSettings, ...], Field(min_length=1)]
    version: VersionSettings | None = None


def _own_name() -> str:
    return socket.gethostname()


class AgentSettings(_Table):
    """The whole table. Without environment and targets the agent is idle, and says so."""

    environment: Annotated[str, AfterValidator(_environment)] | None = None
    """The environment of this host, such as ``prod/eu-fr``."""
    host: Annotated[str, AfterValidator(_segment)] = Field(default_factory=_own_name, validate_default=True)
    """The name it reports under; default: the host name."""
    data_dir: AbsolutePath | None = None
    """Where state and generations are kept; default: ``agent`` in the daemon's."""
    targets: tuple[TargetSettings, ...] = ()
    resync_s: Seconds = 60.0
    """How often files and versions are looked at without a change."""
    session_ttl_s: Annotated[float, Field(ge=10, le=86_400)] = 30.0
    """How long a dead host's reports stay."""

    @model_validator(mode="after")
    def _unique(self) -> AgentSettings:
        _no_repeats("target", [target.target for target in self.targets])
        _no_repeats("destination", [str(file.destination) for target in self.targets for file in target.files])
        if self.targets and self.environment is None:
            msg = "environment is missing: targets alone do not say which configs to follow"
            raise ValueError(msg)
        return self

    def in_folder(self, data_dir: Path) -> AgentSettings:
        """The same with this data folder, unless the table names one."""
        return self if self.data_dir else self.model_copy(update={"data_dir": data_dir.absolute()})

    @property
    def idle_reason(self) -> str:
        """Why there is nothing to do, one sentence; empty when there is something."""
        if self.environment is None:
            return "idle: [agent] names no environment"
        return "" if self.targets else "idle: [agent] names no targets and files"


def read_settings(table: Mapping[str, Any]) -> AgentSettings:
    """The ``[agent]`` table as read from TOML. ``reload-timeout-s`` and ``reload_timeout_s`` are the same name.

    :raises InvalidSetting: an unknown or wrong setting; every fault is named by its place, no value is quoted.
    """
    try:
        return AgentSettings.model_validate(_underscored(table, "agent"))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        places = [fault["loc"] for fault in faults]
        # A table that is wrong inside also counts as missing in its list: only the inner fault helps.
        told = "; ".join(
            _sentence(fault["loc"], fault["type"], fault["msg"])
            for fault in faults
            if not any(place != fault["loc"] and place[: len(fault["loc"])] == fault["loc"] for place in places)
        )
        raise InvalidSetting(told, hint="docs/agent.md lists every setting of [agent].") from None


def _underscored(value: Any, place: str) -> Any:
    if isinstance(value, Mapping):
        renamed: dict[str, Any] = {}
        for key, item in value.items():
            name = str(key).replace("-", "_")
            if name in renamed:
                raise InvalidSetting(f"{place}.{name}: set twice, with '-' and with '_'")
            renamed[name] = _underscored(item, f"{place}.{name}")
        return renamed
    if isinstance(value, list | tuple):
        return [_underscored(item, f"{place}[{index}]") for index, item in enumerate(value)]
    return value


def _sentence(place: tuple[int | str, ...], kind: str, message: str) -> str:
    path = "agent" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(place[-1]), _known_names(), n=1)
        return f"{path}: unknown setting" + (f"; did you mean {near[0]!r}?" if near else "")
    return f"{path}: {message.removeprefix('Value error, ')}"


def _known_names() -> list[str]:
    tables = (AgentSettings, TargetSettings, FileSettings, ProbeSettings, VersionSettings)
    return sorted({name for table in tables for name in table.model_fields})


def _exactly_one(table: BaseModel, *names: str) -> None:
    if sum(getattr(table, name) is not None for name in names) != 1:
        msg = f"set exactly one of {', '.join(names)}"
        raise ValueError(msg)


def _no_repeats(what: str, values: list[str]) -> None:
    repeated = sorted({value for value in values if values.count(value) > 1})
    if repeated:
        msg = f"{what} {repeated[0]!r} is named twice"
        raise ValueError(msg)
