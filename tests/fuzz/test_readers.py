"""Every reader ends a damaged source with a data set or InputError: no other exception, 10 s and 1 GB at most."""

import resource
import signal
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from cityzoo.errors import InputError
from tests.fuzz.damage import EDITS, damage
from tests.fuzz.sources import SOURCES

SECONDS, BYTES = 10, 1 << 30
EVERYDAY = 15  # inputs per reader
LONG = 20_000 // len(SOURCES) + 1


@contextmanager
def bounded():
    """End what takes too much time of the processor, or memory, with an exception."""

    def late(*_):
        raise AssertionError(f"over {SECONDS} s")  # which no reader catches

    status = Path("/proc/self/status").read_text().splitlines()
    now = 1024 * int(next(line for line in status if line.startswith("VmSize")).split()[1])
    before = resource.getrlimit(resource.RLIMIT_AS)
    handler = signal.signal(signal.SIGPROF, late)
    resource.setrlimit(resource.RLIMIT_AS, (now + BYTES, before[1]))
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, before)
        signal.signal(signal.SIGPROF, handler)


def read_damaged(name, folder, examples):
    """Read a source many times, each time with other damage."""
    source = SOURCES[name]
    path, file = source.write(folder)
    whole = Path(file).read_bytes()
    source.read(path)  # undamaged: readable

    known = {"deadline": None, "derandomize": True, "database": None}

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck), **known)
    @given(EDITS)
    def run(edits):
        Path(file).write_bytes(damage(whole, edits))
        with bounded(), suppress(InputError):
            source.read(path)

    run()


@pytest.fixture
def alone(monkeypatch, tmp_path):
    monkeypatch.setenv("CITYZOO_HOME", str(tmp_path / "home"))
    (tmp_path / "source").mkdir()
    return tmp_path / "source"


@pytest.mark.parametrize("name", SOURCES)
def test_damage_is_one_line_or_read_around(name, alone):
    read_damaged(name, alone, EVERYDAY)


@pytest.mark.slow
@pytest.mark.parametrize("name", SOURCES)
def test_twenty_thousand_damaged_sources(name, alone):
    read_damaged(name, alone, LONG)
