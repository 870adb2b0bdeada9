"""Which versions answer one request, and how long it counts as in flight."""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cityzoo.serve.traffic import Share


@dataclass(frozen=True)
class Lease:
    """A loaded version, lent to one request."""

    version: int
    served: Any
    give_back: Callable[[], None]


class Route:
    """The versions that answer a request: `primary`'s answer is returned, `shadow`'s is compared with it.

    It is in flight until `close` (which `ModelRepository.observe` calls), the end of a `with` block, or until nobody
    holds it. The shadow of a canary is the stable version.
    """

    def __init__(
        self, name: str, primary: Lease, shadow: Lease | None = None, is_canary: bool = False
    ) -> None:
        self.name, self.is_canary = name, is_canary
        self.version, self.primary = primary.version, primary.served
        self.shadow_version = shadow.version if shadow else None
        self.shadow = shadow.served if shadow else None
        self._end = weakref.finalize(self, _give_back, (primary, shadow))

    def close(self) -> None:
        """End the request's claim on its versions; later calls do nothing."""
        self._end()

    def __enter__(self) -> Route:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _give_back(leases: tuple[Lease | None, ...]) -> None:
    for lease in leases:
        if lease is not None:
            lease.give_back()


def is_chosen(name: str, share: Share, key: str) -> bool:
    """Return whether a camera or request is in the share of a version; a key that is in stays in at more percent.

    Example:
        >>> chosen = [is_chosen("cars", Share(2, 10), f"camera{i}") for i in range(1000)]
        >>> 70 < sum(chosen) < 130
        True
    """
    digest = hashlib.sha256(f"{name}\0{share.version}\0{key}".encode(errors="replace")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 < share.percent / 100
