"""A real Kafka broker that is its own controller (KRaft), on disk. Jars from Maven, no scripts: `java` runs it."""

from __future__ import annotations

import base64
import functools
import shutil
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tests.services.recipes import HERE, Recipe, UnobtainableError, install_packages, version_in
from tests.services.server import Server, ServerError
from tests.services.wire import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.services.finder import Found
    from tests.services.progress import Progress

JAVA = 17


@dataclass(frozen=True, slots=True)
class KafkaJars(Recipe):
    """A folder of jars, fetched by Maven as `pom.xml` says. Java is needed to fetch and to run it."""

    def on_machine(self) -> Iterable[Path]:
        """Beside the scripts on PATH, as in Kafka's own archive."""
        scripts = [shutil.which(f"kafka-server-start{ending}") for ending in (".sh", "")]
        return [Path(script).resolve().parent.parent / "libs" for script in scripts if script]

    def usable(self, path: Path) -> bool:
        return any(path.glob("kafka-clients-*.jar")) and any(path.glob("kafka-server-[0-9]*.jar"))

    def version_of(self, path: Path) -> str:
        return version_in(next(path.glob("kafka-clients-*.jar")).name)

    def in_folder(self, folder: Path) -> Path:
        return folder / "lib"

    def check_needs(self) -> None:
        if java_version() < JAVA:
            raise UnobtainableError(
                f"there is no Java {JAVA} or newer on PATH", hint="install default-jre-headless or a newer Java"
            )

    def provide(self, folder: Path, progress: Progress) -> None:
        missing = [] if java_version() >= JAVA else ["default-jre-headless"]
        missing += [] if shutil.which("mvn") else ["maven"]
        if missing:
            install_packages(*missing, progress=progress)
            java_version.cache_clear()
        command = ["mvn", "-B", "--strict-checksums", "-f", str(HERE / "kafka" / "pom.xml")]
        target = f"-DoutputDirectory={self.in_folder(folder)}"
        progress.run([*command, "dependency:copy-dependencies", target], cwd=folder)


@functools.cache
def java_version() -> int:
    """The major version of the `java` on PATH; 0 without one."""
    try:
        said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False, timeout=30).stderr
    except OSError:
        return 0
    return int(version_in(said).split(".")[0])


KAFKA = KafkaJars("kafka", "4.1.0", (4, 0), "a few seconds, 43 MB")

_PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=PLAINTEXT://{host}:{broker},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{broker}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={data}
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
"""


class Kafka(Server):
    """One broker. It keeps its topics over a stop, kill or restart; topics are created when first written to."""

    recipe: ClassVar[Recipe] = KAFKA
    title: ClassVar[str] = "Kafka"
    port_count: ClassVar[int] = 2

    def __init__(self, found: Found | None = None, *, properties: str = "") -> None:
        """:param properties: lines of server.properties, added to ours."""
        super().__init__(found)
        self._more = properties

    def _command(self) -> list[str]:
        broker, controller = self.ports
        data = self.folder / "data"
        properties = self.folder / "server.properties"
        ours = _PROPERTIES.format(host=LOOPBACK, broker=broker, controller=controller, data=data)
        properties.write_text(ours + self._more)
        if not (data / "meta.properties").exists():
            self._format(properties)
        return self._java("kafka.Kafka", str(properties), heap="512m")

    def _java(self, main: str, *arguments: str, heap: str) -> list[str]:
        flags = [f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        logs = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
        return ["java", *flags, logs, "-cp", f"{self.found.path}/*", main, *arguments]

    def _format(self, properties: Path) -> None:
        cluster = self._cluster_id()
        command = self._java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties), heap="128m")
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True, check=False, timeout=60)
        if done.returncode:
            raise ServerError(f"Kafka's storage could not be formatted:\n{done.stderr[-3000:]}")

    def _cluster_id(self) -> str:
        return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")

    def _is_ready(self) -> bool:
        """A client gets metadata in which the broker itself stands: it is registered and unfenced."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - heavy, and only needed with a broker
        from confluent_kafka.admin import AdminClient  # noqa: PLC0415

        client = AdminClient({"bootstrap.servers": self.address, "log_level": 0}, error_cb=lambda _: None)
        try:
            return bool(client.list_topics(timeout=1).brokers)
        except KafkaException:
            return False
