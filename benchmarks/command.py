"""Run a benchmark as a command, with one-line errors and exit codes."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable


def answer(
    parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], None], given: argparse.Namespace
) -> int:
    """Run a benchmark and return its exit code: 0, 2 for unusable input, 130 if interrupted."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("benchmarks").setLevel(logging.INFO)
    try:
        run(given)
    except (ValueError, OSError, RuntimeError) as error:
        sys.stderr.write(f"{parser.prog}: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write(f"\n{parser.prog}: stopped, nothing was written\n")
        return 130
    return 0
