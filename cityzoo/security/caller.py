"""A caller of the server, and the rights that his roles give him."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cityzoo.errors import unknown
from cityzoo.security.limits import Limits

ALL = "*"
RIGHTS = ("predict", "read", "metrics", "manage", "audit")
ROLES = {  # role: rights
    "predict": frozenset({"predict", "read"}),  # a camera, a client program
    "read": frozenset({"read"}),  # metadata of models
    "metrics": frozenset({"metrics"}),  # Prometheus
    "manage": frozenset({"manage", "read", "metrics"}),  # load, unload, canary, rollback
    "audit": frozenset({"audit", "read"}),  # the audit log
}


@dataclass(frozen=True)
class Caller:
    """Who sent a request.

    Attributes:
        name: of the key, or the subject of the token.
        roles: of `ROLES`.
        models: that he may use; "*" stands for all, "vehicle*" for names that begin so.
        cameras: that he may send images of, as `models`.
        limits: of his own; unset ones are the server's.
    """

    name: str
    roles: frozenset[str]
    models: tuple[str, ...] = (ALL,)
    cameras: tuple[str, ...] = (ALL,)
    limits: Limits = field(default_factory=Limits)

    @property
    def rights(self) -> frozenset[str]:
        """Return what his roles allow.

        Example:
            >>> sorted(Caller("camera 7", frozenset({"predict"})).rights)
            ['predict', 'read']
        """
        return frozenset().union(*(ROLES[role] for role in self.roles if role in ROLES))


def parse_roles(text: str) -> tuple[str, ...]:
    """Read "predict,metrics" as roles.

    Raises:
        InputError: an unknown one.
    """
    roles = tuple(word.strip() for word in text.split(","))
    for role in roles:
        if role not in ROLES:
            raise unknown("role", role, ROLES)
    return roles


def is_allowed(name: str, patterns: Iterable[str]) -> bool:
    """Return whether a name is one of the patterns, or begins as one that ends in "*".

    Example:
        >>> is_allowed("vehicle_detect", ["vehicle*"]), is_allowed("scene", ["vehicle*", "scenes"])
        (True, False)
    """
    return any(
        name.startswith(pattern[:-1]) if pattern.endswith(ALL) else name == pattern for pattern in patterns
    )
