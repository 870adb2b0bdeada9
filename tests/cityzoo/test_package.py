"""Importing the package makes TensorFlow's settings, and leaves what the user has set."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = (
    "import os, sys, cityzoo; print(os.environ.get('TF_ENABLE_ONEDNN_OPTS'), 'tensorflow' in sys.modules)"
)


@pytest.mark.parametrize(("given", "then"), [(None, "1"), ("0", "0")])
def test_convolutions_run_in_onednn_unless_the_user_says_otherwise(given, then):
    """Set before TensorFlow is imported, which the package itself does not do."""
    variables = {name: value for name, value in os.environ.items() if name != "TF_ENABLE_ONEDNN_OPTS"}
    variables |= {} if given is None else {"TF_ENABLE_ONEDNN_OPTS": given}
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=variables, cwd=ROOT, capture_output=True, text=True, check=True
    )
    expected = then if given or platform.machine().lower() in ("x86_64", "amd64") else "None"
    assert ran.stdout.split() == [expected, "False"]
