"""Vault, through hvac: the only package that imports it. When leases are renewed is decided in ``core/lease.py``.

hvac is imported when the credentials first run, so that an embedded daemon starts without it.
"""

from versiqiid.adapters.vault.credentials import VaultCredentials
from versiqiid.adapters.vault.settings import VaultAuth, VaultSettings
from versiqiid.adapters.vault.slots import VaultState

__all__ = ["VaultAuth", "VaultCredentials", "VaultSettings", "VaultState"]
