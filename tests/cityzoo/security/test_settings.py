"""TLS of the server, and addresses that are safe."""

import datetime
import ipaddress
import socket
import ssl
import threading

import pytest

from cityzoo.errors import InputError
from cityzoo.security.settings import SecuritySettings, check_address, tls_options


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.3.2.1"])
def test_this_machine_needs_no_keys(host):
    """Nobody else can call."""
    check_address(SecuritySettings(), host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "city.example", "127.0.0.1.evil.example"])
def test_the_network_needs_keys_or_consent(host):
    """--insecure is a word that one has to write."""
    with pytest.raises(InputError, match="without keys: give --api-keys"):
        check_address(SecuritySettings(), host)
    check_address(SecuritySettings(api_keys="keys.json"), host)
    check_address(SecuritySettings(insecure=True), host)


@pytest.fixture(scope="module")
def certificate(signer, tmp_path_factory):
    """A certificate of 127.0.0.1 by its own authority, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives import serialization as s

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "city")])
    now = datetime.datetime.now(datetime.timezone.utc)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(signer.public_key())
        .serial_number(7)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "c.pem").write_bytes(built.public_bytes(s.Encoding.PEM))
    (folder / "k.pem").write_bytes(
        signer.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
    )
    return folder / "c.pem", folder / "k.pem"


def handshake(options, client):
    """Whether a server with these options lets a client in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options["ssl_certfile"], options["ssl_keyfile"])
    if "ssl_ca_certs" in options:
        context.load_verify_locations(options["ssl_ca_certs"])
        context.verify_mode = ssl.VerifyMode(options["ssl_cert_reqs"])
    listening = socket.create_server(("127.0.0.1", 0))

    def answer():
        try:
            with context.wrap_socket(listening.accept()[0], server_side=True) as lent:
                lent.send(b"in")
        except OSError:
            pass

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        with client.wrap_socket(
            socket.create_connection(listening.getsockname()), server_hostname="127.0.0.1"
        ) as lent:
            return lent.recv(2) == b"in"
    except ssl.SSLError:
        return False
    finally:
        thread.join()
        listening.close()


def test_clients_need_a_certificate_if_an_authority_is_given(certificate):
    """Real handshakes, with uvicorn's options."""
    file, key = map(str, certificate)
    plain = tls_options(SecuritySettings(tls_certificate=file, tls_key=key))
    mutual = tls_options(SecuritySettings(tls_certificate=file, tls_key=key, client_ca=file))
    client = ssl.create_default_context(cafile=file)
    assert handshake(plain, client) and not handshake(mutual, client)
    client.load_cert_chain(file, key)
    assert handshake(mutual, client)


def test_tls_files_that_cannot_be_used_are_one_line(certificate, tmp_path, public_file):
    """Before the server starts: missing, of another kind, without the certificate, or a key with a password."""
    file, key = map(str, certificate)
    assert tls_options(SecuritySettings()) == {}
    for options in (
        {"tls_key": key},
        {"client_ca": file},
        {"tls_certificate": file, "tls_key": str(tmp_path / "missing")},
        {"tls_certificate": file, "tls_key": str(public_file)},
        {"tls_certificate": str(public_file), "tls_key": key},
        {"tls_certificate": file, "tls_key": key, "client_ca": key},
    ):
        with pytest.raises(InputError, match="tls-certificate|is not a file|TLS cannot use"):
            tls_options(SecuritySettings(**options))
