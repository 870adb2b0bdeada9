"""Alarms by e-mail: at most some an hour, everything that comes faster in one digest."""

from __future__ import annotations

import json
import re
import smtplib
import ssl
import time
from collections import deque
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from cityzoo.errors import InputError
from cityzoo.watch.sinks.secrets import read_secret, split_url
from cityzoo.watch.sinks.sink import Event, QueuedSink, Rejected, Report

USER, PASSWORD = "CITYZOO_SMTP_USER", "CITYZOO_SMTP_PASSWORD"  # environment
AUTHORITY = "CITYZOO_SMTP_CA"  # file of certificates that sign the server's
PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
SECONDS = 10.0  # until an answer
HOUR = 3600.0
LONGEST_DIGEST = 200  # events of a mail
ADDRESS = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+")


class MailSink(QueuedSink):
    """Send raised and released alarms.

    Args:
        recipients: addresses.
        server: smtp://HOST:PORT (STARTTLS), smtps://HOST, or smtp+plain://HOST without encryption and password; user
            and password in CITYZOO_SMTP_USER and CITYZOO_SMTP_PASSWORD.
        sender: address.
        most: mails an hour.
        report: see `QueuedSink`.

    Raises:
        InputError: no addresses, or a password that would be sent in the clear.
    """

    at_once = LONGEST_DIGEST

    def __init__(
        self,
        recipients: Sequence[str],
        server: str,
        sender: str | None = None,
        most: int = 6,
        report: Report = lambda event: None,
    ) -> None:
        self.server = split_url(server, "--mail-server", tuple(PORTS), f"{USER} and {PASSWORD}")
        self.user, self.password = read_secret(USER), read_secret(PASSWORD)
        self.recipients, self.sender = tuple(recipients), sender or f"cityzoo@{self.server.hostname}"
        for address in (*self.recipients, self.sender):
            if not ADDRESS.fullmatch(address):
                raise InputError(f"'{address[:60]}' is not an e-mail address: give name@host")
        if self.server.scheme == "smtp+plain" and self.user:
            raise InputError(
                f"--mail-server smtp+plain:// would send the password in the clear: unset {USER}"
            )
        self.most, self._times = most, deque[float]()
        super().__init__(f"mail {self.server.hostname} to {', '.join(self.recipients)}", report)

    def accepts(self, event: Event) -> bool:
        """Return whether an event is for this sink."""
        return "state" in event

    def seconds_to_wait(self) -> float:
        """Return the time until the next mail of this hour is allowed."""
        now = time.monotonic()
        while self._times and now - self._times[0] >= HOUR:
            self._times.popleft()
        return self._times[0] + HOUR - now if len(self._times) >= self.most else 0.0

    def deliver(self, events: list[Event]) -> None:
        """Send one mail with all of the events.

        Raises:
            OSError: the server is not there, has trouble, or offers no TLS.
            Rejected: it refuses the mail or the password.
        """
        try:
            self._send(self._write(events))
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPAuthenticationError) as error:
            raise Rejected(str(error)) from error
        except smtplib.SMTPResponseException as error:
            if error.smtp_code >= 500:
                raise Rejected(str(error)) from error
            raise
        self._times.append(time.monotonic())

    def _send(self, message: EmailMessage) -> None:
        host, port = str(self.server.hostname), self.server.port or PORTS[self.server.scheme]
        context = ssl.create_default_context(cafile=read_secret(AUTHORITY))
        if self.server.scheme == "smtps":
            client: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=context)
        else:
            client = smtplib.SMTP(host, port, timeout=SECONDS)
        with client:
            if self.server.scheme == "smtp":
                client.starttls(context=context)
            if self.user:
                client.login(self.user, self.password or "")
            client.send_message(message)

    def _write(self, events: list[Event]) -> EmailMessage:
        message = EmailMessage()
        first = describe(events[0])
        subject = first if len(events) == 1 else f"{len(events)} alarms, first: {first}"
        message["Subject"] = " ".join(f"cityzoo: {subject}".split())[:200]
        message["From"], message["To"] = self.sender, ", ".join(self.recipients)
        message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain=self.server.hostname)
        lines = [describe(event) for event in events]
        details = [json.dumps(event, ensure_ascii=False, default=str) for event in events]
        message.set_content("\n".join([*lines, "", *details, ""]))
        return message


def describe(event: Event) -> str:
    """Return an alarm in one line.

    Example:
        >>> describe({"time": "2026-05-01T06:00:00.000+00:00", "state": "raised", "type": "stopped", "camera": "north"})
        '2026-05-01T06:00:00.000+00:00 raised: stopped, camera north'
    """
    what = ("class", "zone", "line", "rule", "severity", "plan", "person")
    more = "".join(f", {name} {event[name]}" for name in ("camera", *what) if event.get(name))
    return f"{event.get('time', '')} {event.get('state', '')}: {event.get('type', '')}{more}"
