"""Other libraries in their own processes."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import peers

ROOT = Path(__file__).resolve().parents[2]


def test_what_a_peers_process_imports_brings_no_tensorflow():
    """PyTorch's parts abort in a process that holds it; the command itself is imported there again."""
    script = "import sys, benchmarks.augment, benchmarks.peers; print('tensorflow' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


@pytest.mark.parametrize("library", [n for n in peers.LIBRARIES if importlib.util.find_spec(n) is None])
def test_a_library_that_is_not_installed_is_named_with_its_installation(library):
    """And its process has ended."""
    with pytest.raises(peers.Unavailable, match=f"{library} left out .*No module named.*pip install"):
        peers.Peer(library)
