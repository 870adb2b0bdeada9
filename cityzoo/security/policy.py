"""What a model may be used for, until when, and when a person has to look: `policy.yaml` next to it.

Rules are read where a model is used, so that a file edited by hand counts at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from cityzoo.errors import InputError, unknown

NAME = "policy.yaml"
USES = (
    "predict",
    "serve",
    "watch",
)  # forbidden uses that cityzoo itself refuses; others are for people to read
LEVELS = 2  # folders above a model in which its policy can lie: a run, a model of several versions


@dataclass(frozen=True)
class Policy:
    """Rules of use; what is left out is allowed.

    Attributes:
        path: the file.
        purpose: what the model is for.
        tasks: allowed tasks; empty: all.
        classes: allowed classes; empty: all.
        places: allowed cameras, or patterns such as "north*"; empty: all.
        forbidden_uses: of "predict", "serve", "watch", and words for people.
        valid_until: last day on which the model may be used.
        review_below: score, 0..1, below which a person has to look at an answer.

    Example:
        >>> policy = Policy(Path("policy.yaml"), classes=("car", "bus"), places=("north*",))
        >>> policy.check("serve", "vehicle_detect", ["car"])
        >>> policy.check("serve", "vehicle_detect", ["car", "person"])
        Traceback (most recent call last):
        cityzoo.errors.InputError: 'policy.yaml' does not allow the class 'person', only car, bus
    """

    path: Path
    purpose: str = ""
    tasks: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    forbidden_uses: tuple[str, ...] = ()
    valid_until: date | None = None
    review_below: float | None = None

    def check(self, use: str, task: str, classes: Iterable[str], today: date | None = None) -> None:
        """Refuse what the policy does not allow.

        Args:
            use: one of `USES`.
            task: of the model.
            classes: that it would answer.
            today: the day of use; None: today.

        Raises:
            InputError: the first rule that is broken.
        """
        self.check_date(today)
        if use in self.forbidden_uses:
            raise InputError(f"'{self.path}' forbids this use ({use})")
        if self.tasks and task not in self.tasks:
            raise InputError(f"'{self.path}' does not allow the task '{task}', only {', '.join(self.tasks)}")
        for name in classes if self.classes else ():
            if name not in self.classes:
                raise InputError(
                    f"'{self.path}' does not allow the class '{name}', only {', '.join(self.classes)}"
                )

    def check_date(self, today: date | None = None) -> None:
        """Raise InputError if the policy has ended."""
        if self.valid_until is not None and (today or date.today()) > self.valid_until:
            raise InputError(f"'{self.path}' allowed the use of this model until {self.valid_until}")

    def check_place(self, place: str | None) -> None:
        """Raise InputError for a camera that is not allowed; None: unknown, as good as not allowed."""
        if self.places and not any(fnmatchcase(place or "", allowed) for allowed in self.places):
            known = f"the camera '{place}'" if place else "images of an unknown camera"
            raise InputError(f"'{self.path}' does not allow {known}, only {', '.join(self.places)}")


def read_policy(path: Path) -> Policy:
    """Read a policy.

    Raises:
        InputError: not readable, an unknown key, or a value of another kind.
    """
    import yaml

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InputError(
            f"'{path}' cannot be read ({' '.join(str(error).split())}): give a YAML file"
        ) from error
    names = [item.name for item in fields(Policy) if item.name != "path"]
    if not isinstance(found, Mapping):
        raise InputError(f"'{path}' is no list of rules: give lines such as valid_until: 2027-12-31")
    for name in found:
        if name not in names:
            raise unknown(f"rule of '{path}'", str(name), names)
    return Policy(path, **{name: _convert(path, name, value) for name, value in found.items()})


def _convert(path: Path, name: str, value: Any) -> Any:
    if name == "purpose":
        return str(value)
    if name == "valid_until":
        if type(value) is date:  # a datetime is one, too
            return value
        raise InputError(f"'{path}' valid_until '{value}': give a day, e.g. 2027-12-31")
    if name == "review_below":
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1:
            return float(value)
        raise InputError(f"'{path}' review_below '{value}': give a score from 0 to 1, e.g. 0.8")
    if not isinstance(value, list):
        raise InputError(f"'{path}' {name} '{value}': give a list, e.g. [car, bus]")
    return tuple(map(str, value))


def find_policy(folder: Path) -> Policy | None:
    """Return the policy in a model's folder, or the nearest one in the two folders above it; None: there is none.

    Raises:
        InputError: it cannot be read.
    """
    place = folder.resolve()
    paths = (each / NAME for each in (place, *list(place.parents)[:LEVELS]))
    found = next((path for path in paths if path.is_file()), None)
    return None if found is None else read_policy(found)
