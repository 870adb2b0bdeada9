"""Passwords from the environment or a file, never from the command line, which every user of the machine can read."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from cityzoo.errors import InputError, unknown


def read_secret(variable: str) -> str | None:
    """Return a secret of the environment, None if there is none.

    Args:
        variable: its name; with _FILE behind, the path of a file that holds it.

    Raises:
        InputError: the file cannot be read.
    """
    path = os.environ.get(f"{variable}_FILE")
    if not path:
        return os.environ.get(variable) or None
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except (OSError, ValueError) as error:
        raise InputError(f"{variable}_FILE '{path}' cannot be read: give a readable file") from error


def split_url(text: str, flag: str, schemes: tuple[str, ...], variables: str) -> SplitResult:
    """Return the parts of a URL without a password.

    Args:
        text: the URL.
        flag: where it was given, for the messages.
        schemes: that are allowed; the first one is taken for HOST or HOST:PORT.
        variables: where user and password belong, for the messages.

    Raises:
        InputError: another scheme, no host, a port that is not a number, or a password in it.

    Example:
        >>> split_url("broker:1884", "--mqtt", ("mqtt", "mqtts"), "CITYZOO_MQTT_USER").port
        1884
    """
    url = urlsplit(text if "://" in text else f"{schemes[0]}://{text}")
    if url.scheme not in schemes:
        raise unknown(f"protocol of {flag}", url.scheme, schemes)
    try:
        host, _ = url.hostname, url.port
    except ValueError:
        host = None
    if not host or any(letter.isspace() for letter in text):
        raise InputError(f"{flag} is not an address: give {schemes[0]}://HOST or {schemes[0]}://HOST:PORT")
    if url.username or url.password:
        raise InputError(
            f"{flag} holds a user or password, which everyone on this machine can read: set {variables}"
        )
    return url
