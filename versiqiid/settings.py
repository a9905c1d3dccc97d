"""Settings of the daemon: read, checked, frozen. Flag > environment > file > default.

Every setting has one name: ``--session-ttl-s`` as a flag, ``session-ttl-s`` (or ``session_ttl_s``) in the TOML file,
``VERSIQII_SESSION_TTL_S`` in the environment. Units stand in the names.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from versiqiid.errors import InvalidSetting

Role = Literal["controller", "api", "agent"]
ROLES: tuple[Role, ...] = ("controller", "api", "agent")


def _default_data_dir() -> Path:
    systemd = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    return Path(systemd) if systemd else Path.home() / ".local" / "state" / "versiqiid"


class Settings(BaseSettings):
    """All settings, with their meaning beside each."""

    model_config = SettingsConfigDict(
        env_prefix="VERSIQII_",
        extra="forbid",
        frozen=True,
    )
    file_values: ClassVar[dict[str, Any]] = {}

    data_dir: Path = Field(default_factory=_default_data_dir)
    """Where the embedded store, the journal, the signing key and the agent's state live; made with mode 0700."""

    store: str = ""
    """``sqlite:///FILE``, ``consul://host:port[,host:port]``, ``consul+tls://…``, ``consul://`` alone for where
    ``CONSUL_HTTP_ADDR`` says, or ``memory://``; default: a SQLite file in the data directory."""

    root: str = "versiqii"
    """The first segment of every key."""

    journal: str = ""
    """``sqlite:///FILE`` or ``postgresql://…``; default: a SQLite file in the data directory."""

    kafka: str = ""
    """Bootstrap servers ``host:port[,host:port]``; empty = events stay in the journal."""

    kafka_topic_prefix: str = "versiqii"
    """Topics are ``<prefix>.audit``, ``<prefix>.drift`` and ``<prefix>.state``."""

    kafka_topics: Literal["create", "check"] = "create"
    """What happens to topics that are missing: they are made, or only told. Topics that exist are never changed."""

    kafka_partitions: int = Field(default=6, ge=1)
    """Partitions of topics that are made; of others it is told when they have another number."""

    kafka_replication: int = Field(default=-1, ge=-1, le=32_767)
    """Replicas of topics that are made; -1 = the broker's default."""

    kafka_audit_retention_days: float = Field(default=365.0, ge=0)
    """How long ``<prefix>.audit`` keeps events; 0 = for ever."""

    kafka_drift_retention_days: float = Field(default=90.0, ge=0)
    """How long ``<prefix>.drift`` keeps events; 0 = for ever."""

    kafka_mode: Literal["binary", "structured"] = "binary"
    """Where the attributes of CloudEvents stand: in headers, or around the data in the body."""

    kafka_client: dict[str, Any] = Field(default_factory=dict, repr=False)
    """The ``[kafka-client]`` table: further settings of librdkafka by its own names, such as TLS and SASL."""

    vault: str = ""
    """Address of Vault, ``https://host:8200``; empty = no Vault."""

    vault_auth: Literal["token", "approle", "kubernetes", "jwt", "cert"] = "token"
    """How to log in to Vault."""

    vault_role: str = ""
    """Role for the login methods that want one; for approle the role id."""

    vault_auth_mount: str = ""
    """Mount path of the login method; default: the method's name."""

    vault_consul_role: str = ""
    """Consul tokens are read from ``consul/creds/<role>``; empty = Consul's token does not come from Vault."""

    vault_token_file: Path | None = None
    """For ``token``: a file with the token, followed as it changes; else ``VAULT_TOKEN``, or the systemd credential
    ``vault-token``."""

    vault_secret_id_file: Path | None = None
    """For ``approle``: a file with the secret id; else the systemd credential ``vault-secret-id``."""

    vault_secret_id_wrapped: bool = False
    """The secret id file holds a wrapping token, which is unwrapped once."""

    vault_jwt_file: Path | None = None
    """For ``jwt`` and ``kubernetes``: a file with the token, read at each login."""

    consul_token_file: Path | None = None
    """Consul's token, followed as the file changes; else ``CONSUL_HTTP_TOKEN_FILE``, ``CONSUL_HTTP_TOKEN``, or the
    systemd credential ``consul-token``. Not used when the token comes from Vault."""

    consul_queries_max: int = Field(default=64, ge=1, le=140)
    """How many blocking queries the watches may have open at Consul. A large tree is cut into as many shards at most;
    Consul takes 200 connections from one address (``http_max_conns_per_client``)."""

    listen: str = "127.0.0.1:8080"
    """Address and port of the API; port 0 = any free one, told in the log."""

    registry_listen: str = ""
    """Address and port of the Schema-Registry-compatible endpoint alone, without ``/registry``; empty = only there."""

    public_url: str = ""
    """How others reach this API, for addresses inside events; default: ``http://`` and the address that is listened
    on, with this machine's name where that is any address. Set it behind a proxy, or where another process serves."""

    api_token_file: Path | None = None
    """Bearer tokens, one a line; needed to listen on anything but loopback."""

    role: Annotated[tuple[Role, ...], NoDecode] = ROLES
    """Which parts this process runs, comma separated: controller, api, agent."""

    name: str = Field(default_factory=socket.gethostname)
    """What this process is called where it leads."""

    session_ttl_s: float = Field(default=10.0, gt=0, le=86_400)
    """Time to live of the leader's session; Consul takes 10 and more."""

    lock_delay_s: float = Field(default=1.0, ge=0, le=60)
    """How long the lead stays free after a leader vanished without a word."""

    resync_s: float = Field(default=300.0, gt=0)
    """How often everything is read and decided again though nothing seems to have changed."""

    shrink_guard: float = Field(default=0.5, gt=0, le=1)
    """Share of a prefix that may vanish at once before it is confirmed by a consistent read."""

    unready_after_s: float = Field(default=30.0, gt=0)
    """``/readyz`` says no when the store was not reached for this long."""

    log_origin: str = ""
    """The journal's name for ever; default: made at the first start."""

    signer: str = "local"
    """Who signs checkpoints: ``local`` (a key in the data directory) or ``vault-transit:<mount>/<key>[@<version>]``."""

    checkpoint_interval_s: float = Field(default=1.0, gt=0)
    """How often a checkpoint is signed when there are new entries."""

    witness: str = ""
    """Who cosigns checkpoints: ``https://host/prefix#<the witness's key>``, comma separated; empty = nobody."""

    witness_interval_s: float = Field(default=60.0, gt=0)
    """How often the leader asks the witnesses when there are new entries."""

    timestamp: str = ""
    """Address of a time-stamping authority (RFC 3161) that stamps checkpoints; empty = none. Needs ``timestamp-ca``."""

    timestamp_ca: Path | None = None
    """PEM file with the root certificates that the authority's own must lead to."""

    timestamp_interval_s: float = Field(default=3600.0, gt=0)
    """How often the leader has a checkpoint stamped when there are new entries."""

    archive: str = ""
    """``s3://bucket/prefix``: where the journal is kept a second time; empty = nowhere. Endpoint, region and
    credentials are found as AWS's own clients find them (``AWS_ENDPOINT_URL``, ``AWS_ACCESS_KEY_ID``, …)."""

    archive_recipient: str = ""
    """Whom documents are encrypted for: age recipients (``age1…``), comma separated, or
    ``vault-transit:<mount>/<key>``, whose data keys are used; empty = none is archived."""

    archive_interval_s: float = Field(default=300.0, gt=0)
    """How often the leader brings the archive up to date."""

    archive_lock: Literal["none", "governance", "compliance"] = "none"
    """Object Lock mode of what is archived; none = what the bucket does by itself."""

    archive_retain_days: int = Field(default=365, gt=0)
    """How long Object Lock keeps it, where ``archive-lock`` is not none."""

    retention_days: float = Field(default=365.0, ge=0)
    """After how many days the leader lets go of past documents that the archive holds: of what only older entries speak
    of, and no key holds now. Entries, hashes and checkpoints are kept for ever. 0 = for ever too; so are documents that
    no archive holds."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """How much is logged to standard error."""

    imports: tuple[dict[str, str], ...] = ()
    """``[[imports]]`` tables with ``prefix``, ``target`` and ``name`` (``default``): a foreign tree of one key per
    setting acts as a config of the target, written for the schema version that its ``version`` key holds."""

    agent: dict[str, Any] = Field(default_factory=dict)
    """The ``[agent]`` table: environment, targets and files; empty = the agent is idle."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, _FileSource(settings_cls, cls.file_values)

    @field_validator("role", mode="before")
    @classmethod
    def _split_roles(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("root")
    @classmethod
    def _root_is_a_key(cls, value: str) -> str:
        from versiqiid.core.keys import is_segment  # noqa: PLC0415 - settings load before the core is needed

        if not all(is_segment(part) for part in value.split("/")):
            msg = "must be key segments of the form [A-Za-z0-9][A-Za-z0-9._-]* joined by '/'"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _api_is_guarded(self) -> Settings:
        if "api" in self.role and self.api_token_file is None and not is_loopback(self.listen):
            msg = "listen: without --api-token-file the API listens on a loopback address only, such as 127.0.0.1:8080"
            raise ValueError(msg)
        if self.registry_listen and self.api_token_file is None and not is_loopback(self.registry_listen):
            msg = "registry-listen: without --api-token-file it listens on a loopback address only"
            raise ValueError(msg)
        return self

    @field_validator("imports")
    @classmethod
    def _imports_are_known(cls, value: tuple[dict[str, str], ...]) -> tuple[dict[str, str], ...]:
        for table in value:
            if not {"prefix", "target"} <= table.keys() <= {"prefix", "target", "name"}:
                msg = "each [[imports]] table has prefix, target and perhaps name"
                raise ValueError(msg)
        return value

    @property
    def public(self) -> str:
        """How others reach this API, without a closing slash."""
        if self.public_url:
            return self.public_url.rstrip("/")
        host, port = split_listen(self.listen)
        if host in ("0.0.0.0", "::"):  # noqa: S104 - nobody reaches a machine by it
            host = socket.gethostname()
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @property
    def store_url(self) -> str:
        return self.store or f"sqlite:///{self.data_dir}/store.db"

    @property
    def journal_url(self) -> str:
        return self.journal or f"sqlite:///{self.data_dir}/journal.db"


class _FileSource(PydanticBaseSettingsSource):
    """Values of the TOML file, with ``-`` and ``_`` alike in names."""

    def __init__(self, settings_cls: type[BaseSettings], values: dict[str, Any]) -> None:
        super().__init__(settings_cls)
        self._values = values

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        del field
        return self._values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return self._values


def load(flags: dict[str, Any], file: Path | None = None) -> Settings:
    """Settings from flags, environment and file, in this order of precedence.

    :param flags: by field name; only the ones that were given.
    :raises InvalidSetting: an unknown setting or a value that cannot be used; every such setting is named.
    """
    values = _read_file(file) if file else {}
    loader = type("LoadedSettings", (Settings,), {"file_values": values, "__module__": __name__})
    try:
        settings: Settings = loader(**flags)
    except ValidationError as error:
        raise InvalidSetting("; ".join(_explain(e) for e in error.errors())) from error
    return settings


_NOT_SETTINGS = re.compile(
    "ADDR|TOKEN|TOKEN_FILE|TENANT|FORMAT|DEBUG|GIT_.*"  # the command line's
    "|SERVICE_(HOST|PORT.*)|PORT(_[0-9]+_(TCP|UDP).*)?"  # what Kubernetes tells of a Service of our name
    "|TEST_.*|BENCH_.*|REQUIRE_SERVICES"  # our tests'
)


def check_environment(environ: Mapping[str, str]) -> None:
    """Return when every ``VERSIQII_…`` in the environment means something: a typo must not choose a default.

    :raises InvalidSetting: an unknown one; every such name is told.
    """
    given = {name.upper() for name in environ if name.upper().startswith("VERSIQII_")}
    unknown = sorted(
        name
        for name in given
        if name[9:].lower() not in Settings.model_fields and not _NOT_SETTINGS.fullmatch(name[9:])
    )
    if unknown:
        msg = f"unknown setting in the environment: {', '.join(unknown)}"
        raise InvalidSetting(msg, hint="See `versiqiid run --help` for the names.")


def _read_file(file: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidSetting(f"settings file {file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidSetting(f"settings file {file}: {error}") from error
    return {name.replace("-", "_"): value for name, value in values.items()}


def _explain(error: Any) -> str:
    name = ".".join(str(part) for part in error["loc"]).replace("_", "-")
    if error["type"] == "extra_forbidden":
        return f"unknown setting {name!r}"
    reason = error["msg"].removeprefix("Value error, ")
    return f"setting {name!r}: {reason}" if name else f"setting {reason}"


def is_loopback(listen: str) -> bool:
    """Whether ``host:port`` can only be reached from this machine."""
    host = listen.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def split_listen(listen: str) -> tuple[str, int]:
    """
    :raises InvalidSetting: not ``host:port``.
    """
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:  # noqa: PLR2004 - the highest port
        raise InvalidSetting(f"setting 'listen': expected host:port, such as 127.0.0.1:8080, not {listen!r}")
    return host.strip("[]"), int(port)
