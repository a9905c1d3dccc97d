"""A real PostgreSQL server, made by `initdb` in a folder of its own; one that this machine may run is left alone."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tests.services.recipes import DebianPackage, Recipe, UnobtainableError
from tests.services.server import Server, ServerError
from tests.services.wire import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.services.finder import Found

ACCOUNT = "postgres"
USER = "versiqii"
DATABASE = "versiqii"


@dataclass(frozen=True, slots=True)
class PostgresPrograms(DebianPackage):
    """`postgres`, with `initdb` and the others beside it. Debian keeps them off PATH, one folder per version."""

    def on_machine(self) -> Iterable[Path]:
        on_path = [Path(path)] if (path := shutil.which("postgres")) else []
        debian = Path("/usr/lib/postgresql").glob("*/bin/postgres")
        return [*on_path, *sorted(debian, key=lambda path: int(path.parts[-3]), reverse=True)]

    def usable(self, path: Path) -> bool:
        return all(os.access(path.parent / name, os.X_OK) for name in ("initdb", "pg_isready", "postgres"))

    def version_of(self, path: Path) -> str:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True, timeout=30).stdout
        return said.split()[2]

    def check_needs(self) -> None:
        if os.geteuid() == 0 and not shutil.which("initdb") and not _account():
            raise UnobtainableError(
                f"PostgreSQL refuses to run as root, and there is no account `{ACCOUNT}`",
                hint="`make services SERVICES=postgres` (installs the package, which creates the account)",
            )


POSTGRES = PostgresPrograms("postgres", "15", (14,), "under a minute", package="postgresql")


def _account() -> bool:
    try:
        pwd.getpwnam(ACCOUNT)
    except KeyError:
        return False
    return True


class Postgres(Server):
    """One server with one user and one empty database; it keeps its data over a stop, kill or restart."""

    recipe: ClassVar[Recipe] = POSTGRES
    title: ClassVar[str] = "PostgreSQL"
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT  # "fast shutdown": clients are sent away
    # "Immediate shutdown": as a crash, but shared memory is given back, which SIGKILL would leave behind.
    end_signal: ClassVar[signal.Signals] = signal.SIGQUIT

    def __init__(self, found: Found | None = None) -> None:
        super().__init__(found, user=ACCOUNT if os.geteuid() == 0 else None)
        self._password = secrets.token_urlsafe(12)

    @property
    def url(self) -> str:
        """Of the database that is there from the start."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """`postgresql://user:password@host:port/database`."""
        return f"postgresql://{USER}:{self._password}@{self.address}/{database}"

    def create_database(self) -> str:
        """Create one more empty database, for a test of its own; returns its URL."""
        name = f"test_{secrets.token_hex(6)}"
        self.run("createdb", "--maintenance-db", self.url, name)
        return self.url_of(name)

    def snapshot(self, path: Path) -> None:
        """Write the content of the first database to a file (`pg_dump`)."""
        path.write_bytes(self.run("pg_dump", "--format=custom", "--dbname", self.url))

    def restore(self, path: Path) -> None:
        """Put the content of a snapshot in place of what the first database holds (`pg_restore --clean`)."""
        flags = ("--clean", "--if-exists", "--exit-on-error", "--single-transaction")
        self.run("pg_restore", *flags, "--dbname", self.url, stdin=path.read_bytes())

    def run(self, program: str, *arguments: str, stdin: bytes = b"") -> bytes:
        """Run one of PostgreSQL's programs to its end, as the server's user; returns what it printed.

        :raises ServerError: with what it complained about.
        """
        done = subprocess.run(
            [self.found.path.parent / program, *arguments],
            cwd=self.folder,
            env=self.environment(),
            input=stdin,
            capture_output=True,
            check=False,
            timeout=self.ready_within_s,
            user=self.user,
            group=pwd.getpwnam(self.user).pw_gid if self.user else None,
            extra_groups=[] if self.user else None,
        )
        if done.returncode:
            raise ServerError(f"{program} failed: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout

    def _command(self) -> list[str]:
        data = self.folder / "data"
        if not data.exists():
            self._create(data)
        settings = {
            "listen_addresses": LOOPBACK,
            "port": self.ports[0],
            "unix_socket_directories": "",
            "dynamic_shared_memory_type": "mmap",  # in the data folder, so that a killed server leaves nothing behind
        }
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self.found.path), "-D", str(data), *flags]

    def _create(self, data: Path) -> None:
        """`initdb` into a folder that becomes `data` when it is complete."""
        password = self.folder / "password"
        password.write_text(self._password)
        if self.user:
            shutil.chown(password, self.user)
        part = data.with_name("data.part")
        shutil.rmtree(part, ignore_errors=True)
        who = (f"--username={USER}", f"--pwfile={password}", "--auth=scram-sha-256")
        self.run("initdb", *who, "--encoding=UTF8", "--locale=C", "--no-sync", f"--pgdata={part}")
        self.run(
            *("postgres", "--single", "-D", str(part), "-c", "dynamic_shared_memory_type=mmap", "postgres"),
            stdin=f'CREATE DATABASE "{DATABASE}"\n'.encode(),
        )
        part.rename(data)

    def _is_ready(self) -> bool:
        asked = [str(self.found.path.parent / "pg_isready"), "-q", "-h", LOOPBACK, "-p", str(self.ports[0])]
        return subprocess.run(asked, check=False, timeout=30, stdin=subprocess.DEVNULL).returncode == 0
