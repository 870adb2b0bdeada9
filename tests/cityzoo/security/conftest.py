"""Keys that are made once for all tests of security."""

import json

import pytest


@pytest.fixture(scope="session")
def signer():
    """An EC P-256 private key."""
    ec = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ec")
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="session")
def signer_file(signer, tmp_path_factory):
    """It as a PEM file."""
    from cryptography.hazmat.primitives import serialization as s

    file = tmp_path_factory.mktemp("keys") / "private.pem"
    file.write_bytes(
        signer.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()),
    )
    return file


@pytest.fixture(scope="session")
def public_file(signer, tmp_path_factory):
    """Its public key as a PEM file."""
    from cryptography.hazmat.primitives import serialization as s

    file = tmp_path_factory.mktemp("keys") / "public.pem"
    form = s.PublicFormat.SubjectPublicKeyInfo
    file.write_bytes(signer.public_key().public_bytes(s.Encoding.PEM, form))
    return file


@pytest.fixture(scope="session")
def jwks_file(signer, tmp_path_factory):
    """Its public key as a JWKS file, `kid` "city-1"."""
    from cityzoo.security.tokens import public_jwks

    pytest.importorskip("jwt")
    file = tmp_path_factory.mktemp("keys") / "jwks.json"
    file.write_text(public_jwks(signer.public_key(), "city-1"))
    assert "d" not in json.loads(file.read_text())["keys"][0]
    return file
