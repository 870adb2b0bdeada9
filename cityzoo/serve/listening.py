"""The socket that a server listens on."""

from __future__ import annotations

import socket

from cityzoo.errors import InputError
from cityzoo.serve.settings import Settings

BACKLOG = 512  # connections that wait to be accepted


def listen(settings: Settings) -> socket.socket:
    """Return a socket that listens.

    Raises:
        InputError: the port is in use or may not be taken, or the address is not of this machine.
    """
    if settings.listen_fd is not None:
        return socket.socket(fileno=settings.listen_fd)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Inherited by connections: else headers and body of a response, written apart, are 40 ms apart.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listening.bind((settings.host, settings.port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        reason = error.strerror or str(error)
        raise InputError(f"port {settings.port} of {settings.host}: {reason}; give another --port") from error
    listening.setblocking(False)
    return listening
