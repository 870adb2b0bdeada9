"""Try a small set of compressed models one after another; what is finished is kept when the work is interrupted."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from cityzoo.errors import InputError
from cityzoo.replace_file import replace_file

LOG = logging.getLogger(__name__)
ORIGINAL = "original"  # the network as it was trained
FLOAT, INT8 = "float", "int8"  # precisions of a file
NETWORK, TRIAL, PLAN = "network.json", "trial.json", "plan.json"  # written when something is finished
Network = Callable[[str, Path], Path]  # (change, an own folder, perhaps with unfinished work) -> run folder
File = Callable[
    [Path, str, Path], dict[str, Any]
]  # (run folder, precision, an own folder) -> `file`, `metric`


@dataclass(frozen=True)
class Candidate:
    """A model to try: a change of the network, and the precision of its file."""

    change: str = ORIGINAL  # such as "prune:0.6"
    precision: str = FLOAT

    @property
    def name(self) -> str:
        """Return what tables call it.

        Example:
            >>> Candidate("prune:0.6", INT8).name, Candidate().name
            ('prune:0.6, int8', 'original, float')
        """
        return f"{self.change}, {self.precision}"

    @property
    def folder(self) -> str:
        """Return the relative path of its folder."""
        return f"{_folder(self.change)}/{self.precision}"


@dataclass(frozen=True)
class Trial:
    """What became of a candidate.

    Attributes:
        candidate: the candidate.
        file: its exported model, relative to the plan's folder; "" if there is none.
        metric: the task's monitored metric on the held-out examples.
        megabytes: size of the file, 10^6 bytes.
        milliseconds: median time of one example, measured next to all others.
        seconds: spent on this step alone: on the network for a float file, on quantization for int8.
        error: why there is no file.
    """

    candidate: Candidate
    file: str = ""
    metric: float | None = None
    megabytes: float | None = None
    milliseconds: float | None = None
    seconds: float = 0.0
    error: str = ""


@dataclass(frozen=True)
class Promise:
    """What the chosen model must keep.

    Attributes:
        milliseconds: most time of one example; None: any.
        speed_share: most time as a share of the original's; None: any.
        megabytes: largest size of the file; None: any.
        may_lose: most of the metric that may be lost.
        lower_is_better: whether a lower metric is better.
    """

    milliseconds: float | None = None
    speed_share: float | None = None
    megabytes: float | None = None
    may_lose: float = 0.01
    lower_is_better: bool = False

    def loss_of(self, trial: Trial, original: Trial) -> float:
        """Return how much worse than the original's a metric is; below 0: better."""
        difference = (original.metric or 0.0) - (trial.metric or 0.0)
        return -difference if self.lower_is_better else difference

    def time_limit(self, original: Trial) -> float | None:
        """Return the most milliseconds that one example may take; None: any."""
        limits = [] if self.milliseconds is None else [self.milliseconds]
        if self.speed_share is not None and original.milliseconds is not None:
            limits.append(self.speed_share * original.milliseconds)
        return min(limits, default=None)

    def misses(self, trial: Trial, original: Trial) -> list[str]:
        """Return what a trial does not keep, in words; empty: it keeps everything.

        Example:
            >>> original = Trial(Candidate(), "model.onnx", 0.40, 10.0, 20.0)
            >>> small = Trial(Candidate("prune:0.6"), "model.onnx", 0.38, 5.0, 13.0)
            >>> Promise(speed_share=0.6, megabytes=6.0).misses(small, original)
            ['13.0 ms, wanted 12.0', 'loses 0.020, may lose 0.010']
        """
        if not trial.file or trial.metric is None:
            return [trial.error or "not measured"]
        found, time_limit = [], self.time_limit(original)
        if time_limit is not None and (trial.milliseconds or 0.0) > time_limit:
            found.append(f"{trial.milliseconds:.1f} ms, wanted {time_limit:.1f}")
        if self.megabytes is not None and (trial.megabytes or 0.0) > self.megabytes:
            found.append(f"{trial.megabytes:.2f} MB, wanted {self.megabytes:.2f}")
        loss = self.loss_of(trial, original)
        if loss > self.may_lose + 1e-9:
            found.append(f"loses {loss:.3f}, may lose {self.may_lose:.3f}")
        return found


def try_all(
    candidates: Sequence[Candidate], folder: Path, identity: dict[str, Any], network: Network, file: File
) -> list[Trial]:
    """Make and measure candidates one after another; those that are finished already are not made again.

    A candidate that cannot be made is reported with the reason, and tried again by the next call.

    Args:
        candidates: the plan; each network comes with its float file first.
        folder: where everything lies; plan.json there says what it belongs to.
        identity: of the model that is compressed and of the settings; what was made for another is not used.
        network: makes the network of a change.
        file: exports a run and evaluates the file.

    Raises:
        InputError: the folder belongs to another model or other settings, or the work was interrupted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _require_same(folder / PLAN, identity)
    trials: list[Trial] = []
    try:
        for number, candidate in enumerate(candidates, start=1):
            own = folder / candidate.folder
            done = _read(own / TRIAL)
            state = "finished before" if done else "..."
            LOG.info(
                "[%s] %d/%d %s: %s",
                _bar(number - 1, len(candidates)),
                number,
                len(candidates),
                candidate.name,
                state,
            )
            trials.append(Trial(candidate, **done) if done else _try(candidate, folder, network, file))
    except KeyboardInterrupt:
        raise InputError(
            f"interrupted: {len(trials)} of {len(candidates)} candidates are finished and kept in '{folder}'; continue "
            "with the same command"
        ) from None
    return trials


def _try(candidate: Candidate, folder: Path, network: Network, file: File) -> Trial:
    start, own = time.perf_counter(), folder / candidate.folder
    own.mkdir(parents=True, exist_ok=True)
    try:
        run, spent = _network(candidate.change, own.parent, network)
        started = time.perf_counter()
        made = file(run, candidate.precision, own)
    except InputError as error:
        LOG.warning("WARNING: %s is left out: %s", candidate.name, error)
        return Trial(candidate, seconds=round(time.perf_counter() - start, 1), error=str(error))
    seconds = time.perf_counter() - started + (spent if candidate.precision == FLOAT else 0.0)
    path = Path(made["file"])
    size = sum(part.stat().st_size for part in path.rglob("*")) if path.is_dir() else path.stat().st_size
    relative = str(path.relative_to(folder))
    trial = Trial(candidate, relative, made["metric"], size / 1e6, None, round(seconds, 1))
    values = asdict(trial)
    del values["candidate"]
    _write(own / TRIAL, values)
    return trial


def _network(change: str, folder: Path, network: Network) -> tuple[Path, float]:
    # Made once for both precisions.
    done = _read(folder / NETWORK)
    if done:
        return Path(done["run"]), float(done["seconds"])
    start = time.perf_counter()
    run = network(change, folder / "run")
    spent = round(time.perf_counter() - start, 1)
    _write(folder / NETWORK, {"run": str(run), "seconds": spent})
    return run, spent


def choose(trials: Sequence[Trial], promise: Promise) -> Trial | None:
    """Return the best model that keeps the promise, the faster of equal ones; None where none does.

    Example:
        >>> trials = [Trial(Candidate(), "a", 0.40, 10.0, 20.0), Trial(Candidate("prune:0.6"), "b", 0.395, 6.0, 12.0)]
        >>> choose(trials, Promise(speed_share=0.7)).file, choose(trials, Promise(speed_share=0.5))
        ('b', None)
    """
    original = trials[0]
    kept = [trial for trial in trials if not promise.misses(trial, original)]
    return min(kept, key=lambda t: (promise.loss_of(t, original), t.milliseconds or 0.0), default=None)


def with_times(trials: Sequence[Trial], milliseconds: dict[str, float]) -> list[Trial]:
    """Return the trials with the times of their files, by the file's path."""
    return [replace(trial, milliseconds=milliseconds.get(trial.file)) for trial in trials]


def _require_same(path: Path, identity: dict[str, Any]) -> None:
    known = _read(path)
    if known and known != identity:
        other = next(key for key in {**known, **identity} if known.get(key) != identity.get(key))
        raise InputError(
            f"'{path.parent}' holds candidates of another {other} ({known.get(other)}, now {identity.get(other)}): "
            "give a new --out, or remove it"
        )
    _write(path, identity)


def _folder(change: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "._" else "-" for sign in change)


def _bar(done: int, total: int, width: int = 20) -> str:
    filled = width * done // total
    return "#" * filled + "-" * (width - filled)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}  # not finished
    return found if isinstance(found, dict) else {}


def _write(path: Path, values: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(path) as part:
        part.write_text(json.dumps(values, indent=2) + "\n")
