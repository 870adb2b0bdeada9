"""E-mail against a real SMTP server with STARTTLS."""

import email
import ssl

import pytest

from cityzoo.errors import InputError
from cityzoo.watch.sinks import mail, sink
from cityzoo.watch.sinks.mail import AUTHORITY, PASSWORD, USER, MailSink
from tests.cityzoo.watch.sinks.certificates import write_certificate
from tests.cityzoo.watch.sinks.conftest import wait_for

controller = pytest.importorskip("aiosmtpd.controller")
smtp = pytest.importorskip("aiosmtpd.smtp")


class Post:
    """What a server has received."""

    def __init__(self):
        self.mails, self.is_encrypted = [], []

    async def handle_DATA(self, server, session, envelope):
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        self.is_encrypted.append(session.ssl is not None)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    """Accept one user."""
    is_right = (data.login, data.password) == (b"watch", b"right")
    return smtp.AuthResult(success=is_right, handled=is_right)


@pytest.fixture
def post(tmp_path, monkeypatch):
    """A server that wants STARTTLS and a password."""
    certificate, key = write_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    post = Post()
    server = controller.Controller(
        post,
        hostname="127.0.0.1",
        port=0,
        tls_context=context,
        require_starttls=True,
        authenticator=authenticate,
        auth_required=True,
    )
    server.port = _free_port()
    server.start()
    post.url = f"smtp://127.0.0.1:{server.port}"
    (tmp_path / "authority").write_text(str(certificate))
    monkeypatch.setenv(AUTHORITY, str(certificate))
    monkeypatch.setenv(USER, "watch")
    monkeypatch.setenv(PASSWORD, "right")
    monkeypatch.setattr(sink, "FIRST_WAIT", 0.02)
    yield post
    server.stop()


def _free_port():
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_alarms_are_mailed_encrypted_and_what_comes_too_fast_is_one_digest(post, alarm, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(mail.time, "monotonic", lambda: now[0])
    made = MailSink(["duty@city.example", "b@city.example"], post.url, "watch@city.example", most=2)
    made.send({"type": "crossing", "camera": "north"})
    made.send(alarm)
    wait_for(lambda: len(post.mails) == 1)
    made.send(alarm | {"id": "a2", "camera": "söuth\nBcc: all@city.example"})
    wait_for(lambda: made.sent == 2)
    for number in range(5):
        made.send(alarm | {"id": f"d{number}"})
    assert made.seconds_to_wait() == 3600
    now[0] += 3600.0
    wait_for(lambda: len(post.mails) == 3)
    first, second, digest = post.mails
    assert all(post.is_encrypted)
    assert first["To"] == "duty@city.example, b@city.example"
    assert first["Subject"] == (
        "cityzoo: 2026-05-01T06:00:00.000+00:00 raised: stopped, camera north, class car, "
        "rule stopped car in lane for 20s"
    )
    assert '"id": "a1"' in first.get_content()
    assert second["Bcc"] is None
    assert "Bcc: all" in second["Subject"]
    assert digest["Subject"].startswith("cityzoo: 5 alarms, first: 2026-05-01T06:00")
    assert [f'"id": "d{number}"' in digest.get_content() for number in range(5)] == [True] * 5
    made.close(1)
    assert made.summary()["sent"] == 7


def test_a_wrong_password_loses_mails_and_says_so(post, alarm, monkeypatch):
    monkeypatch.setenv(PASSWORD, "wrong")
    reports = []
    made = MailSink(["duty@city.example"], post.url, report=reports.append)
    made.send(alarm)
    wait_for(lambda: made.lost == 1)
    made.close(0)
    assert reports[0]["what"] == "lost"
    assert "wrong" not in str(reports)
    assert post.mails == []


def test_a_server_without_encryption_gets_no_mail(alarm, monkeypatch):
    post = Post()
    server = controller.Controller(post, hostname="127.0.0.1", port=_free_port())
    server.start()
    reports = []
    made = MailSink(["duty@city.example"], f"smtp://127.0.0.1:{server.port}", report=reports.append)
    made.send(alarm)
    wait_for(lambda: reports)
    assert "STARTTLS" in reports[0]["detail"]
    made.close(0)
    plain = MailSink(["duty@city.example"], f"smtp+plain://127.0.0.1:{server.port}")
    plain.send(alarm)
    wait_for(lambda: post.mails)
    plain.close(1)
    server.stop()


def test_addresses_and_passwords_in_the_clear_are_refused(monkeypatch):
    with pytest.raises(InputError, match="not an e-mail address"):
        MailSink(["duty@city.example, other"], "smtp://host")
    with pytest.raises(InputError, match="CITYZOO_SMTP_USER"):
        MailSink(["duty@city.example"], "smtp://user:word@host")
    monkeypatch.setenv(USER, "watch")
    with pytest.raises(InputError, match="in the clear"):
        MailSink(["duty@city.example"], "smtp+plain://host")
