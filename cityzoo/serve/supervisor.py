"""Start the server's process again when it dies; the socket stays open, so that requests wait instead of failing."""

from __future__ import annotations

import logging
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

LOG = logging.getLogger(__name__)
FLAG = "--listen-fd"  # of the child: the socket that it inherits
ENDED = (0, 2)  # stopped by a signal, or refused by one line: neither gets better by another start
LONGEST_PAUSE = 30.0  # seconds between two starts
STEADY_SECONDS = 10.0  # a process that lived so long is started again at once


def supervise(arguments: Sequence[str], listening: socket.socket) -> int:
    """Run `python -m cityzoo serve` in a process of its own, again and again; return its last exit code.

    Args:
        arguments: of the command, without --supervise.
        listening: the socket that it answers on.
    """
    number = listening.fileno()
    command = [sys.executable, "-m", "cityzoo", "serve", *arguments, FLAG, str(number)]
    child: subprocess.Popen[bytes] | None = None
    is_stopping = False

    def forward(sig: int, frame: Any) -> None:
        nonlocal is_stopping
        is_stopping = True
        if child is not None:
            child.send_signal(sig)

    for sig in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sig, forward)
    pause = 0.5
    while True:
        started = time.monotonic()
        child = subprocess.Popen(command, pass_fds=(number,))
        code = child.wait()
        if is_stopping or code in ENDED:
            return max(code, 0) if is_stopping else code
        pause = 0.5 if time.monotonic() - started > STEADY_SECONDS else min(2 * pause, LONGEST_PAUSE)
        LOG.warning("WARNING: the server's process ended with code %d: started again in %g s", code, pause)
        time.sleep(pause)
