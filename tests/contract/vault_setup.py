"""What the Vault tests share: engines and ways to log in, set up on a real Vault and a real Consul."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.services.vault import Vault
from tests.services.wire import call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.services.consul import ConsulWithAcl

POLICY = """
path "consul/creds/versiqii" { capabilities = ["read"] }
path "sys/leases/revoke" { capabilities = ["update"] }
"""
CONSUL_RULES = 'key_prefix "versiqii/" { policy = "write" }'


def unique(vault: Vault, kind: str) -> str:
    """A mount of this test alone: the server may be shared."""
    name = f"{kind}-{time.monotonic_ns()}"
    vault.demand("POST", f"/v1/sys/auth/{name}", {"type": kind})
    return name


def allow(vault: Vault, policy: str = POLICY) -> None:
    vault.demand("PUT", "/v1/sys/policies/acl/versiqii", {"policy": policy})


def connect_consul(vault: Vault, consul: ConsulWithAcl, *, ttl: str, max_ttl: str) -> None:
    """``consul/creds/versiqii`` gives tokens that may write under ``versiqii/``."""
    made = consul.call("PUT", "/v1/acl/policy", {"Name": "versiqii", "Rules": CONSUL_RULES})
    assert made.status == 200, made.body
    vault.demand("POST", "/v1/sys/mounts/consul", {"type": "consul"})
    access = {"address": consul.address, "scheme": "http", "token": consul.token}
    vault.demand("POST", "/v1/consul/config/access", access)
    set_consul_role(vault, ttl=ttl, max_ttl=max_ttl)
    allow(vault)


def set_consul_role(vault: Vault, *, ttl: str, max_ttl: str) -> None:
    role = {"consul_policies": ["versiqii"], "ttl": ttl, "max_ttl": max_ttl}
    vault.demand("POST", "/v1/consul/roles/versiqii", role)


def approle(vault: Vault, mount: str, *, ttl: str = "1h", max_ttl: str = "2h") -> tuple[str, str]:
    """Role id and secret id."""
    role = {"token_policies": ["versiqii"], "token_ttl": ttl, "token_max_ttl": max_ttl}
    vault.demand("POST", f"/v1/auth/{mount}/role/daemon", role)
    role_id = vault.demand("GET", f"/v1/auth/{mount}/role/daemon/role-id").json()["data"]["role_id"]
    secret = vault.demand("POST", f"/v1/auth/{mount}/role/daemon/secret-id").json()["data"]["secret_id"]
    return role_id, secret


def wrapped(vault: Vault, path: str, body: object = None) -> str:
    """A wrapping token around the answer of a POST."""
    headers = {"X-Vault-Token": vault.token, "X-Vault-Wrap-TTL": "60s"}
    answer = call(vault.address, "POST", path, body, headers=headers)
    assert answer.status == 200, answer.body
    return str(answer.json()["wrap_info"]["token"])


def alive(vault: Vault, token: str) -> bool:
    """Whether Vault still knows the token."""
    return vault.call("POST", "/v1/auth/token/lookup", {"token": token}).status == 200


def consul_secrets(consul: ConsulWithAcl) -> set[str]:
    """The secrets of the tokens that Vault made."""
    found = consul.call("GET", "/v1/acl/tokens").json()
    return {token["SecretID"] for token in found if token["Description"].startswith("Vault ")}


# ------------------------------------------------------------------------------------------------- keys and JWTs


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def public_pem(key: ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def jwt(key: ec.EllipticCurvePrivateKey, claims: dict[str, Any]) -> str:
    """An ES256 token (RFC 7515)."""
    parts = [_b64(json.dumps(part).encode()) for part in ({"alg": "ES256", "typ": "JWT"}, claims)]
    r, s = decode_dss_signature(key.sign(".".join(parts).encode(), ec.ECDSA(hashes.SHA256())))
    return ".".join([*parts, _b64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))])


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed client certificate and its key, as PEM files."""
    key, subject, now = new_key(), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert, secret = folder / f"{name}.pem", folder / f"{name}.key"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return cert, secret


# ------------------------------------------------------------------------------------------------------- servers


class VaultTls(Vault):
    """A Vault in memory behind TLS; ``ca`` is the authority that made its certificate."""

    @property
    def ca(self) -> Path:
        return self.folder / "vault-ca.pem"

    @property
    def url(self) -> str:
        return f"https://{self.address}"

    def demand_tls(self, method: str, path: str, body: object = None) -> Any:
        """One request with the root token."""
        context = ssl.create_default_context(cafile=str(self.ca))
        connection = HTTPSConnection(self.address, context=context, timeout=10)
        connection.request(method, path, json.dumps(body), {"X-Vault-Token": self.token})
        answer = connection.getresponse()
        raw = answer.read()
        connection.close()
        assert answer.status in {200, 204}, raw
        return json.loads(raw) if raw else None

    def _command(self) -> list[str]:
        return [*super()._command(), "-dev-tls", f"-dev-tls-cert-dir={self.folder}"]

    def _is_ready(self) -> bool:
        return self.ca.exists() and "secret/" in self.demand_tls("GET", "/v1/sys/mounts")["data"]


Answer = tuple[int, dict[str, str], bytes]


@contextmanager
def http_server(answer: Callable[[str, str, dict[str, str], bytes], Answer]) -> Iterator[str]:
    """A small HTTP server; ``answer`` gets method, path, headers and body."""

    class Handler(BaseHTTPRequestHandler):
        def _reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, headers, raw = answer(self.command, self.path, dict(self.headers), body)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(raw)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

        def do_GET(self) -> None:
            self._reply()

        def do_POST(self) -> None:
            self._reply()

        def do_PUT(self) -> None:
            self._reply()

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
