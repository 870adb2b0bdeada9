"""What was freed goes back to the operating system."""

import sys
from pathlib import Path

import pytest

from cityzoo.serve.freed_memory import release_memory


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs glibc and /proc")
def test_memory_below_a_block_in_use_is_returned():
    """Which free() alone keeps, as it only returns what lies at the end."""

    def pages():
        return int(Path("/proc/self/statm").read_text().split()[1])

    blocks = [b"x" * 50_000 for _ in range(2000)]
    del blocks[:-1]
    before = pages()
    release_memory()
    assert before - pages() > 10_000  # of 24,000
    assert blocks
