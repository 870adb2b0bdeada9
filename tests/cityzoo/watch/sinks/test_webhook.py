"""Webhooks against a real server: signature, retries, losses."""

import json
import time

import pytest

from cityzoo.errors import InputError
from cityzoo.watch.sinks import sink
from cityzoo.watch.sinks.webhook import SECRET, SIGNATURE, WebhookSink, is_signed
from tests.cityzoo.watch.sinks.conftest import wait_for

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Retries follow each other at once."""
    monkeypatch.setattr(sink, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(sink, "LONGEST_WAIT", 0.02)


def test_alarms_arrive_signed_and_other_events_do_not(receiver, alarm, monkeypatch):
    monkeypatch.setenv(SECRET, KEY)
    hook = WebhookSink(f"{receiver.url}/alarms?city=1")
    hook.send({"id": "c1", "type": "crossing", "camera": "north"})
    hook.send(alarm)
    hook.close(5)
    ((path, headers, body),) = receiver.requests
    assert (path, json.loads(body)) == ("/alarms?city=1", alarm)
    assert is_signed(KEY, body, headers[SIGNATURE], time.time())
    assert not is_signed(KEY, body + b" ", headers[SIGNATURE], time.time())
    assert not is_signed(KEY[1:], body, headers[SIGNATURE], time.time())
    assert not is_signed(KEY, body, headers[SIGNATURE], time.time() + 301)  # a replay
    assert hook.summary()["sent"] == 1
    assert hook.summary()["lost"] == 0


def test_a_receiver_in_trouble_gets_the_event_later_and_in_order(receiver, alarm):
    reports = []
    receiver.codes = [500, 503, 429, 204]
    hook = WebhookSink(receiver.url, reports.append)
    hook.send(alarm)
    hook.send(alarm | {"id": "a2"})
    wait_for(lambda: hook.sent == 2)
    assert [json.loads(body)["id"] for _, _, body in receiver.requests] == ["a1", "a1", "a1", "a1", "a2"]
    assert [(report["what"], report["lost"]) for report in reports] == [("fails", 0), ("delivers again", 0)]
    assert reports[0]["detail"] == "HTTP 500"
    hook.close(1)


def test_what_a_receiver_refuses_is_lost_at_once_and_redirects_are_not_followed(receiver, alarm):
    reports = []
    receiver.codes, receiver.headers = [400, 302], {"Location": f"{receiver.url}/elsewhere"}
    hook = WebhookSink(receiver.url, reports.append)
    hook.send(alarm)
    hook.send(alarm)
    wait_for(lambda: hook.lost == 2)
    assert len(receiver.requests) == 2
    assert [report["detail"] for report in reports] == ["HTTP 400", "HTTP 302"]
    hook.close(1)


def test_a_dead_receiver_stops_nothing_and_what_is_lost_is_counted(alarm):
    reports = []
    hook = WebhookSink("http://127.0.0.1:9", reports.append)
    started = time.monotonic()
    for number in range(1500):
        hook.send(alarm | {"id": str(number)})
    assert time.monotonic() - started < 0.5
    hook.close(0.1)
    assert time.monotonic() - started < 2
    assert hook.sent == 0
    assert hook.lost == 1500
    assert reports[-1]["what"] == "lost"
    assert reports[-1]["lost"] == 1500


def test_losses_are_reported_while_the_receiver_is_away(alarm, monkeypatch):
    monkeypatch.setattr(sink, "AGAIN", 0.05)
    reports = []
    hook = WebhookSink("http://127.0.0.1:9", reports.append)
    for _ in range(1100):
        hook.send(alarm)
    wait_for(lambda: reports and reports[-1]["lost"] >= 99)  # the oldest; one may be in hand
    assert reports[0]["what"] == "fails"
    assert {report["what"] for report in reports[1:]} <= {"lost"}
    hook.close(0)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://host/x", "protocol of --webhook"),
        ("https://", "not an address"),
        ("https://user:word@host/x", "CITYZOO_WEBHOOK_SECRET"),
        ("http://host:port/", "not an address"),
    ],
)
def test_wrong_addresses_are_refused_without_showing_passwords(url, words):
    with pytest.raises(InputError, match=words) as error:
        WebhookSink(url)
    assert "word@" not in str(error.value)


def test_a_short_secret_is_refused(monkeypatch):
    monkeypatch.setenv(SECRET, "short")
    with pytest.raises(InputError, match="16"):
        WebhookSink("https://host")
