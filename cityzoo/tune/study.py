"""The folder of a search, and what was asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from shlex import quote
from typing import Any

from cityzoo.errors import InputError
from cityzoo.replace_file import replace_file

COSTS = ("milliseconds", "megabytes")  # objectives after the first, to lower
PRUNERS = ("halving", "hyperband", "none")


@dataclass(frozen=True)
class Request:
    """What a search was asked for, in its folder as `request.json`: the same for all processes and continuations.

    Attributes:
        spec: of the defaults, as a mapping.
        given: settings that the user has set, which the search leaves alone.
        searches: values of --search.
        only: whether nothing else is varied.
        objectives: the metric to improve, then "milliseconds" and "megabytes" to lower.
        pruner: how trials are stopped early.
        aside: share of the validation examples that chooses nothing.
    """

    spec: Mapping[str, Any]
    given: Sequence[str] = ()
    searches: Sequence[str] = ()
    only: bool = False
    objectives: Sequence[str] = ()
    pruner: str = "halving"
    aside: float = 0.5


@dataclass(frozen=True)
class StudyFolder:
    """The files of a search; trials are run folders in it."""

    path: Path

    @property
    def request(self) -> Path:
        """Return the path of what was asked for."""
        return self.path / "request.json"

    @property
    def journal(self) -> Path:
        """Return the path of Optuna's journal."""
        return self.path / "journal.log"

    @property
    def data(self) -> Path:
        """Return the path of the identity of the data."""
        return self.path / "data.json"

    @property
    def best(self) -> Path:
        """Return the run folder of the answer."""
        return self.path / "best"

    def trial(self, name: str) -> Path:
        """Return the run folder of a trial."""
        return self.path / "trials" / name


def claim(folder: StudyFolder, request: Request) -> bool:
    """Create a study's folder, or check that it is one of the same request; return whether it is new.

    Raises:
        InputError: another folder of that name, or a study of another task, data or search.
    """
    plain = json.loads(json.dumps(asdict(request)))
    if folder.request.is_file():
        _require_same(folder, read_request(folder), plain)
        return False
    if folder.path.exists() and any(folder.path.iterdir()):
        raise InputError(f"--out '{folder.path}' exists and is no study: give a new name or remove it")
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
        with replace_file(folder.request) as part:
            part.write_text(json.dumps(plain, indent=2) + "\n")
    except OSError as error:
        raise InputError(
            f"'{folder.path}' cannot be created ({error.strerror}): give another --out"
        ) from error
    return True


def read_request(folder: StudyFolder) -> dict[str, Any]:
    """Return what a study was asked for, as plain values.

    Raises:
        InputError: no study, or a damaged one.
    """
    if not folder.request.is_file():
        raise InputError(
            f"'{folder.path}' is no study: it holds no {folder.request.name}; give the folder that tune printed"
        )
    try:
        found = json.loads(folder.request.read_text())
        return asdict(Request(**found))
    except (ValueError, TypeError) as error:
        raise InputError(
            f"'{folder.request}' is damaged ({error}): restore it, or start a new study"
        ) from error


def _require_same(folder: StudyFolder, known: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    pairs: dict[tuple[str, str], tuple[Any, Any]] = {}
    for section, values in asked["spec"].items():
        old = known["spec"].get(section) or {}
        pairs |= {(section, name): (old.get(name), value) for name, value in values.items()}
    pairs |= {(name, ""): (known.get(name), asked.get(name)) for name in asked if name != "spec"}
    for (section, name), (old, new) in pairs.items():
        if old != new:
            raise InputError(
                f"'{folder.path}' is a study with {name or section} {json.dumps(old)}, not {json.dumps(new)}: give "
                f"another --out, or continue it with python -m cityzoo tune --resume {quote(str(folder.path))}"
            )
