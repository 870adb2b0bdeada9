"""Which requests count, and which rule they break."""

import pytest

from cityzoo.serve.traffic import DEFAULT_RULES
from cityzoo.serve.traffic_rules import TrafficWindow, find_breach


@pytest.fixture
def window():
    """With a clock that stands at window.now."""
    made = TrafficWindow(lambda: made.now)
    made.now = 0.0
    return made


def fill(window, version, count, **request):
    """Observe equal requests."""
    for _ in range(count):
        window.observe(version, **({"status": 200, "seconds": 0.01} | request))


def breach(window):
    """Of version 2 against version 1."""
    return find_breach(window, DEFAULT_RULES, version=2, stable=1)


def test_errors_count_above_the_stable_versions(window):
    """A fault that both have is not the canary's."""
    fill(window, 2, 4, status=500)
    assert breach(window) == ""
    fill(window, 2, 1, status=504)
    assert breach(window).startswith("error rate 100.0 % of 5 requests, stable 0.0 %")
    fill(window, 1, 50, status=500)
    assert breach(window) == ""


def test_refusals_and_faults_of_clients_do_not_count(window):
    """429 and 503 come before the model; 4xx are the client's."""
    for status in (400, 413, 422, 429, 503):
        fill(window, 2, 100, status=status)
    assert window.rows(2, 300) == []
    assert breach(window) == ""


def test_two_percent_of_errors_are_allowed(window):
    """Five of 251 are, six are not."""
    fill(window, 2, 246)
    fill(window, 2, 5, status=500)
    assert breach(window) == ""
    fill(window, 2, 1, status=500)
    assert "error rate 2.4 %" in breach(window)


def test_slow_is_twice_the_stable_p95(window):
    """From 20 requests of each; a few milliseconds more never are."""
    fill(window, 2, 30, seconds=0.25)
    fill(window, 1, 19, seconds=0.1)
    assert breach(window) == ""
    fill(window, 1, 1, seconds=0.1)
    assert breach(window) == "p95 250 ms of 30 requests, stable 100 ms: allowed are 2 times as much"
    window.clear()
    fill(window, 2, 30, seconds=0.021)
    fill(window, 1, 30, seconds=0.002)
    assert breach(window) == ""


def test_agreement_is_a_mean_of_twenty(window):
    """Requests that could not be compared do not count."""
    fill(window, 2, 19, agreement=0.0)
    fill(window, 2, 100)
    assert breach(window) == ""
    fill(window, 2, 1, agreement=0.5)
    assert breach(window) == "agreement 0.03 with the stable version in 20 requests, allowed from 0.8"


def test_the_window_slides(window):
    """What is older than five minutes is forgotten."""
    fill(window, 2, 10, status=500)
    window.now = 299.0
    assert breach(window)
    window.now = 301.0
    assert breach(window) == ""
