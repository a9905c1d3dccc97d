"""A real Prometheus that scrapes what a test names, and its `promtool`."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from tests.services.recipes import DebianPackage, Recipe
from tests.services.server import Server, ServerError
from tests.services.wire import Reply, call

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.services.finder import Found


@dataclass(frozen=True, slots=True)
class PrometheusPrograms(DebianPackage):
    """`prometheus`, with `promtool` beside it."""

    def on_machine(self) -> Iterable[Path]:
        path = shutil.which("prometheus")
        return [Path(path)] if path else []

    def usable(self, path: Path) -> bool:
        return all(os.access(path.parent / name, os.X_OK) for name in ("prometheus", "promtool"))


PROMETHEUS = PrometheusPrograms("prometheus", "2.42", (2, 42), "under a minute", package="prometheus")


class Prometheus(Server):
    """One server that scrapes one address five times a second."""

    recipe: ClassVar[Recipe] = PROMETHEUS
    title: ClassVar[str] = "Prometheus"

    def __init__(self, scrape: str, found: Found | None = None, *, metrics_path: str = "/metrics") -> None:
        """:param scrape: `host:port` to scrape."""
        super().__init__(found)
        self._scrape = scrape
        self._metrics_path = metrics_path

    def call(self, path: str) -> Reply:
        """A GET of its HTTP API."""
        return call(self.address, "GET", path)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """What a PromQL expression yields now: `metric` (labels) and `value` (time, text) of each series."""
        answer = self.call(f"/api/v1/query?query={quote(expression)}").json()
        assert answer["status"] == "success", f"Prometheus: {expression}: {answer}"
        return list(answer["data"]["result"])

    def exemplars(self, expression: str) -> list[dict[str, str]]:
        """The labels of the exemplars that it keeps for the series of an expression, of the last hour."""
        now = self.call("/api/v1/query?query=time()").json()["data"]["result"][0]
        span = f"start={float(now) - 3600}&end={float(now) + 60}"
        answer = self.call(f"/api/v1/query_exemplars?query={quote(expression)}&{span}").json()
        assert answer["status"] == "success", f"Prometheus: {expression}: {answer}"
        return [exemplar["labels"] for series in answer["data"] for exemplar in series["exemplars"]]

    def wait_for(self, expression: str) -> list[dict[str, Any]]:
        """What a PromQL expression yields, as soon as that is anything at all.

        :raises ServerError: it yielded nothing for `ready_within_s` seconds.
        """
        try:
            self.wait_until(lambda: bool(self.query(expression)), f"result for {expression}")
        except ServerError as failed:
            raise ServerError(f"{failed}; last error of the scrape: {self.target_error() or 'none'}") from None
        return self.query(expression)

    def wait_for_scrape(self) -> None:
        """Return when the target was scraped and what it gave was taken."""
        self.wait_for("up == 1")

    def target_error(self) -> str:
        """Why the last scrape failed, in Prometheus' words; empty when it did not."""
        targets = self.call("/api/v1/targets").json()["data"]["activeTargets"]
        return " ".join(target["lastError"] for target in targets)

    def check_metrics(self, exposition: bytes) -> str:
        """`promtool check metrics`: what it has to say against a text of metrics; empty when nothing."""
        command = [str(self.found.path.parent / "promtool"), "check", "metrics"]
        done = subprocess.run(command, input=exposition, capture_output=True, check=False, timeout=60)
        return (done.stdout + done.stderr).decode().strip()

    def _command(self) -> list[str]:
        config = self.folder / "prometheus.yml"
        config.write_text(f"""
global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}
scrape_configs:
  - job_name: versiqii
    metrics_path: {self._metrics_path}
    static_configs:
      - targets: ["{self._scrape}"]
""")
        storage = f"--storage.tsdb.path={self.folder / 'data'}"
        listen = f"--web.listen-address={self.address}"
        exemplars = "--enable-feature=exemplar-storage"
        return [str(self.found.path), f"--config.file={config}", storage, listen, exemplars, "--log.level=warn"]

    def _is_ready(self) -> bool:
        return self.call("/-/ready").status == 200
