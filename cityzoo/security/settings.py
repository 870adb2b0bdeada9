"""Flags of the server that protect it."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cityzoo import cli
from cityzoo.cli.values import parse_count, parse_number
from cityzoo.errors import InputError


@dataclass(frozen=True)
class SecuritySettings:
    """Who may call the server, what is recorded, and which models it trusts."""

    api_keys: str | None = cli.flag(
        None, "file of API keys, made by python -m cityzoo protect key add", metavar="FILE"
    )
    jwks: str | None = cli.flag(
        None, "public keys of bearer tokens: JWKS file, or its https address", metavar="FILE"
    )
    issuer: str | None = cli.flag(None, "who signs bearer tokens (their claim iss)", metavar="URL")
    audience: str = cli.flag(
        "cityzoo", "service that bearer tokens are made for (their claim aud)", metavar="NAME"
    )
    roles_claim: str = cli.flag(
        "roles", "where tokens hold roles, such as realm_access.roles", metavar="CLAIM"
    )
    requests_per_second: float | None = cli.flag(
        None, "of each caller; more: 429 (default: no limit)", parse_number, "N"
    )
    camera_requests_per_second: float | None = cli.flag(
        None, "of each camera (default: no limit)", parse_number, "N"
    )
    megapixels_per_second: float | None = cli.flag(
        None, "of each caller's images (default: no limit)", parse_number, "N"
    )
    requests_per_day: int | None = cli.flag(
        None, "quota of each caller (default: no limit)", parse_count, "N"
    )
    audit_log: str | None = cli.flag(
        None, "append who did what to this file, hash-chained: protect verify-audit", metavar="FILE"
    )
    audit_key: str | None = cli.flag(
        None, "key of the audit log's hashes: protect new-key --kind encryption", metavar="FILE"
    )
    public_key: str | None = cli.flag(
        None, "serve models only that this key signed: protect sign", metavar="FILE"
    )
    encryption_key: str | None = cli.flag(
        None,
        "key of models that are encrypted (default: that of CITYZOO_KEY): protect encrypt",
        metavar="FILE",
    )
    tls_certificate: str | None = cli.flag(None, "PEM file with the certificate chain", metavar="FILE")
    tls_key: str | None = cli.flag(None, "PEM file with its private key", metavar="FILE")
    client_ca: str | None = cli.flag(
        None, "PEM file: accept only clients with a certificate of this authority", metavar="FILE"
    )
    insecure: bool = cli.flag(False, "listen on other addresses than 127.0.0.1 without keys or tokens")

    @property
    def authenticates(self) -> bool:
        """Return whether callers need a key or a token."""
        return bool(self.api_keys or self.jwks)


def check_address(settings: SecuritySettings, host: str) -> None:
    """Refuse to let the network call a server that asks nobody who he is.

    Raises:
        InputError: another address than this machine's, neither keys nor tokens, and no --insecure.
    """
    try:
        is_local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_local = False
    if not (is_local or settings.authenticates or settings.insecure):
        raise InputError(
            f"--host {host} lets the network call a server without keys: give --api-keys FILE or --jwks FILE, "
            "--host 127.0.0.1, or --insecure if something else protects it"
        )


def tls_options(settings: SecuritySettings) -> dict[str, Any]:
    """Return the options of uvicorn for TLS, {} without a certificate.

    Raises:
        InputError: files are missing, do not fit together, or hold something else.
    """
    certificate, key, authority = settings.tls_certificate, settings.tls_key, settings.client_ca
    if not certificate:
        if key or authority:
            raise InputError("--tls-key and --client-ca need --tls-certificate FILE: give all of them")
        return {}
    for file in filter(None, (certificate, key, authority)):
        if not Path(file).is_file():
            raise InputError(f"'{file}' is not a file: give a PEM file")
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key, password=_no_password)
        if authority:
            context.load_verify_locations(authority)
    except (ssl.SSLError, OSError, ValueError) as error:
        raise InputError(
            f"TLS cannot use '{certificate}', '{key}', '{authority}' ({error}): give PEM files that belong together"
        ) from error
    options: dict[str, Any] = {"ssl_certfile": certificate, "ssl_keyfile": key}
    if authority:
        options |= {"ssl_ca_certs": authority, "ssl_cert_reqs": int(ssl.CERT_REQUIRED)}
    return options


def _no_password() -> bytes:
    raise ValueError("the private key has a password: give one without, readable by the server only")
