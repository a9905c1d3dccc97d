"""The Vault fixtures do to a real Vault what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.services.vault import Vault, VaultOnDisk

pytestmark = pytest.mark.vault


def test_a_fresh_vault_keeps_secrets(vault: Vault) -> None:
    assert vault.call("GET", "/v1/secret/data/a").status == 404
    vault.demand("POST", "/v1/secret/data/a", {"data": {"k": "v"}})
    assert vault.demand("GET", "/v1/secret/data/a").json()["data"]["data"] == {"k": "v"}


def test_it_is_a_full_build_with_the_consul_engine_and_kubernetes_auth(vault: Vault) -> None:
    vault.demand("POST", "/v1/sys/mounts/consul", {"type": "consul"})
    vault.demand("POST", "/v1/sys/auth/kubernetes", {"type": "kubernetes"})


def test_demand_shows_what_vault_refused(vault: Vault) -> None:
    with pytest.raises(AssertionError, match="404"):
        vault.demand("GET", "/v1/secret/data/a")


def test_a_sealed_vault_refuses_until_it_is_unsealed(vault_on_disk: VaultOnDisk) -> None:
    vault_on_disk.demand("POST", "/v1/sys/mounts/kv", {"type": "kv"})
    vault_on_disk.demand("POST", "/v1/kv/a", {"k": "v"})
    vault_on_disk.seal()
    assert vault_on_disk.sealed
    assert vault_on_disk.call("GET", "/v1/kv/a").status == 503
    vault_on_disk.unseal()
    assert vault_on_disk.demand("GET", "/v1/kv/a").json()["data"] == {"k": "v"}


def test_after_a_kill_it_is_sealed_and_has_kept_everything(vault_on_disk: VaultOnDisk) -> None:
    vault_on_disk.demand("POST", "/v1/sys/mounts/kv", {"type": "kv"})
    vault_on_disk.demand("POST", "/v1/kv/a", {"k": "v"})
    address = vault_on_disk.address
    vault_on_disk.kill()
    vault_on_disk.start()
    assert vault_on_disk.sealed
    vault_on_disk.unseal()
    assert vault_on_disk.address == address
    assert vault_on_disk.demand("GET", "/v1/kv/a").json()["data"] == {"k": "v"}


def test_a_snapshot_brings_back_what_was(vault_on_disk: VaultOnDisk, tmp_path: Path) -> None:
    vault_on_disk.demand("POST", "/v1/sys/mounts/kv", {"type": "kv"})
    vault_on_disk.demand("POST", "/v1/kv/a", {"k": "old"})
    vault_on_disk.snapshot(tmp_path / "snapshot")
    vault_on_disk.demand("POST", "/v1/kv/a", {"k": "new"})
    vault_on_disk.restore(tmp_path / "snapshot")
    assert vault_on_disk.demand("GET", "/v1/kv/a").json()["data"] == {"k": "old"}
