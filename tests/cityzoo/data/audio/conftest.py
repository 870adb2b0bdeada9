"""Sound files of known content."""

import pytest

RATE = 16_000


@pytest.fixture
def write(tmp_path):
    """A function that writes samples below the test's folder and returns the path."""
    soundfile = pytest.importorskip("soundfile")

    def write_file(name, samples, rate=RATE, **how):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, samples, rate, **how)
        return path

    return write_file
