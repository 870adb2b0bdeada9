"""Versions of packages in use here that have known vulnerabilities, as of the date below; checked without a network."""

from __future__ import annotations

from dataclasses import dataclass

AS_OF = "2026-11"


@dataclass(frozen=True)
class Vulnerability:
    """Versions below `fixed` have it."""

    package: str
    fixed: str
    name: str
    about: str


KNOWN = (
    Vulnerability("keras", "3.14.0", "CVE-2026-1462", "a .keras file runs code in spite of safe mode"),
    Vulnerability("pillow", "12.3.0", "CVE-2026-59197", "writes outside of its memory"),
    Vulnerability(
        "opencv-python-headless", "4.8.1.78", "CVE-2023-4863", "a WebP image writes outside of memory"
    ),
    Vulnerability("starlette", "1.3.1", "CVE-2026-54282", "paths of requests are not validated"),
    Vulnerability("python-multipart", "0.0.31", "GHSA-v9pg-7xvm-68hf", "a request fills the memory"),
    Vulnerability("h11", "0.16.0", "CVE-2025-43859", "requests can be smuggled past a proxy"),
    Vulnerability("pyjwt", "2.12.0", "CVE-2026-32597", "critical headers of tokens are ignored"),
    Vulnerability("cryptography", "50.0.0", "CVE-2026-69247", "PKCS#7 decryption leaks"),
    Vulnerability("onnx", "1.21.0", "CVE-2026-27489", "a model reads files outside of its folder"),
    Vulnerability("protobuf", "5.29.5", "CVE-2025-4565", "nested messages end the process"),
    Vulnerability("jinja2", "3.1.6", "CVE-2025-27516", "a template leaves its sandbox"),
    Vulnerability("urllib3", "2.7.0", "CVE-2026-44431", "headers are sent to other hosts"),
)
