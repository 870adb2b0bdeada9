"""Token buckets and quotas, with a clock of the test's own."""

import threading

from cityzoo.security.limits import DAY, MOST_BUCKETS, Limits, RateLimiter


class Clock:
    """Seconds that the test sets."""

    def __init__(self, now=0.0):
        self.now = now

    def __call__(self):
        return self.now


def test_a_bucket_lets_through_its_burst_then_its_rate():
    """Two a second: four at once, then one each half second."""
    clock, limits = Clock(), Limits(requests_per_second=2)
    limiter = RateLimiter(clock)
    passed = [limiter.take("a", None, 0, limits)[0] == 0 for _ in range(5)]
    assert passed == [True] * 4 + [False]
    wait, kind = limiter.take("a", None, 0, limits)
    assert (wait, kind) == (0.5, "requests per second")
    clock.now = 0.5
    assert limiter.take("a", None, 0, limits)[0] == 0
    assert limiter.take("a", None, 0, limits)[0] == 0.5
    assert limiter.take("b", None, 0, limits)[0] == 0, "another caller has a bucket of his own"


def test_cameras_have_buckets_of_their_own_within_a_caller():
    """One camera that sends too much does not silence the next, nor one of another caller with the same name."""
    limits = Limits(camera_requests_per_second=0.5)
    limiter = RateLimiter(Clock())
    assert limiter.take("a", "c1", 0, limits)[0] == 0
    assert limiter.take("a", "c1", 0, limits) == (2.0, "requests per second of a camera")
    assert limiter.take("a", "c2", 0, limits)[0] == 0
    assert limiter.take("b", "c1", 0, limits)[0] == 0


def test_an_image_larger_than_the_bucket_passes_and_is_paid_for():
    """12 megapixels at 1 a second: at once when the bucket is full, the next one 12 s later."""
    clock, limits = Clock(), Limits(megapixels_per_second=1)
    limiter = RateLimiter(clock)
    assert limiter.take("a", None, 12_000_000, limits)[0] == 0
    assert limiter.take("a", None, 12_000_000, limits)[0] == 12
    clock.now = 12
    assert limiter.take("a", None, 12_000_000, limits)[0] == 0


def test_a_refused_request_costs_nothing():
    """Else a client that retries is never let in again."""
    clock = Clock()
    limits, limiter = Limits(requests_per_second=1, megapixels_per_second=1), RateLimiter(clock)
    limiter.take("a", None, 10_000_000, limits)
    before = limiter.take("a", None, 1_000_000, limits)
    assert [limiter.take("a", None, 1_000_000, limits) for _ in range(50)] == [before] * 50


def test_the_quota_ends_at_midnight_utc():
    """23 h 59 min: refused for a minute."""
    today = Clock(3 * DAY - 60.0)
    limiter, limits = RateLimiter(Clock(), today), Limits(requests_per_day=2)
    assert [limiter.take("a", None, 0, limits)[0] for _ in range(3)] == [0, 0, 60]
    today.now += 61
    assert limiter.take("a", None, 0, limits)[0] == 0


def test_threads_get_no_more_than_one():
    """Eight threads, 100 requests, exactly the burst of 20 passes while the clock stands still."""
    limiter, limits, passed = RateLimiter(Clock()), Limits(requests_per_second=10), []

    def send():
        for _ in range(100):
            passed.append(limiter.take("a", None, 0, limits)[0] == 0)

    threads = [threading.Thread(target=send) for _ in range(8)]
    _ = [thread.start() for thread in threads], [thread.join() for thread in threads]
    assert sum(passed) == 20


def test_invented_cameras_do_not_fill_the_memory():
    """The oldest bucket is forgotten."""
    limiter, limits = RateLimiter(Clock()), Limits(camera_requests_per_second=1)
    for number in range(MOST_BUCKETS + 10):
        limiter.take("a", f"c{number}", 0, limits)
    assert len(limiter._buckets) == MOST_BUCKETS


def test_pixels_are_taken_apart_from_the_request_that_was_counted():
    """The request before its image is decoded, the pixels after it."""
    limiter, limits = (
        RateLimiter(Clock(), Clock()),
        Limits(requests_per_second=0.5, megapixels_per_second=1, requests_per_day=1),
    )
    assert limiter.take("a", None, 0, limits)[0] == 0
    assert limiter.take("a", None, 5_000_000, limits, requests=0)[0] == 0
    assert limiter.take("a", None, 1_000_000, limits, requests=0) == (4.0, "megapixels per second")
