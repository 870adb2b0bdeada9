"""Events as signed POST requests."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import time
import urllib.error
import urllib.request
from typing import Any

from cityzoo.errors import InputError
from cityzoo.watch.sinks.secrets import read_secret, split_url
from cityzoo.watch.sinks.sink import Event, QueuedSink, Rejected, Report

SECRET = "CITYZOO_WEBHOOK_SECRET"  # environment
SIGNATURE = "X-Cityzoo-Signature"
SECONDS = 5.0  # until an answer
TEMPORARY = (408, 425, 429)  # and 5xx: worth another attempt
TOLERANCE = 300.0  # seconds between the times of sender and receiver


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A receiver must not send events elsewhere."""

    def redirect_request(self, *request: Any, **more: Any) -> None:
        """Follow nothing."""


class WebhookSink(QueuedSink):
    """POST each event as JSON, signed with the secret in CITYZOO_WEBHOOK_SECRET if there is one.

    An event may come twice if the answer to it was lost: receivers tell by its id.

    Args:
        url: of the receiver.
        report: see `QueuedSink`.
        only_alarms: else all events are sent.

    Raises:
        InputError: no URL of http or https, or one with a password.
    """

    def __init__(self, url: str, report: Report = lambda event: None, only_alarms: bool = True) -> None:
        parts = split_url(url, "--webhook", ("https", "http"), SECRET)
        self.url, self.only_alarms = parts.geturl(), only_alarms
        self.secret = read_secret(SECRET)
        if self.secret is not None and len(self.secret) < 16:
            raise InputError(
                f"{SECRET} has {len(self.secret)} letters: give 16 or more, e.g. of openssl rand -hex 32"
            )
        self._opener = urllib.request.build_opener(_NoRedirect)
        super().__init__(f"webhook {parts.scheme}://{parts.netloc}{parts.path}", report)

    def accepts(self, event: Event) -> bool:
        """Return whether an event is for this sink."""
        return "state" in event or not self.only_alarms

    def deliver(self, events: list[Event]) -> None:
        """POST an event.

        Raises:
            OSError: no answer, or one of a receiver in trouble.
            Rejected: the receiver refuses it.
        """
        body = json.dumps(events[0], ensure_ascii=False, allow_nan=False, default=str).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "cityzoo-watch"}
        if self.secret:
            headers[SIGNATURE] = sign(self.secret, body, time.time())
        post(self._opener, self.url, body, headers)


def post(opener: urllib.request.OpenerDirector, url: str, body: bytes, headers: dict[str, str]) -> None:
    """POST a body, or raise OSError (worth another attempt) or Rejected."""
    request = urllib.request.Request(url, body, headers, method="POST")
    try:
        with opener.open(request, timeout=SECONDS) as answer:
            answer.read(65_536)
    except urllib.error.HTTPError as error:
        with error:
            if error.code in TEMPORARY or error.code >= 500:
                raise OSError(f"HTTP {error.code}") from error
            raise Rejected(f"HTTP {error.code}") from error
    except http.client.HTTPException as error:  # the answer is damaged
        raise OSError(repr(error)) from error


def sign(secret: str, body: bytes, seconds: float) -> str:
    """Return the signature header of a body: its Unix time, and HMAC-SHA256 of time, point and body.

    Example:
        >>> sign("key", b"{}", 1.9)
        't=1,v1=1ba6b8171186efc613e8bcc0cbdab2748f24984d7c5a84faa2637afa0e40d224'
    """
    at = str(int(seconds))
    found = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={found}"


def is_signed(secret: str, body: bytes, header: str, seconds: float) -> bool:
    """Return whether a receiver may trust a body.

    Args:
        secret: shared with the sender.
        body: as it came.
        header: X-Cityzoo-Signature.
        seconds: Unix time now; a signature older than five minutes may be a replay.

    Example:
        >>> header = sign("key", b"{}", 100)
        >>> [is_signed("key", b"{}", header, 130), is_signed("key", b"{ }", header, 130)]
        [True, False]
        >>> is_signed("key", b"{}", header, 9e9)
        False
    """
    fields = dict(part.partition("=")[::2] for part in header.split(","))
    at = fields.get("t", "")
    if not at.isdecimal() or abs(seconds - int(at)) > TOLERANCE:
        return False
    return hmac.compare_digest(sign(secret, body, int(at)), header)
