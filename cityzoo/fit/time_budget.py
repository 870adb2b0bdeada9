"""Choose image size, views, demo images and epochs so that a training ends in the time it is given."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from cityzoo.errors import InputError
from cityzoo.fit import distributed
from cityzoo.fit.auto_settings import EPOCHS
from cityzoo.fit.training_time import Costs, Work, epochs_within, seconds_needed
from cityzoo.spec import AUTO, CLOSED_FORM, ResolvedSpec, TrainSpec
from cityzoo.tasks import Task

LOG = logging.getLogger(__name__)
DEMO_MINUTES = 10.0  # of a training on demo images, unless --minutes says otherwise
TOLERANCE = 1.1  # "about": a measurement of seconds is not more exact than that
SMALLEST = 128  # pixels of the shorter side


class Rung(NamedTuple):
    """Shares of the full settings."""

    side: float
    images: float
    views: float
    steps: float


LADDER = (  # from the full settings down; shares are estimates, docs/training.md has what some of them cost
    Rung(1, 1, 1, 1),
    Rung(1, 0.67, 1, 0.8),
    Rung(1, 0.5, 0.75, 0.6),
    Rung(1, 0.34, 0.5, 0.45),
    Rung(1, 0.25, 0.5, 0.35),
    Rung(0.8, 0.25, 0.5, 0.35),
    Rung(0.8, 0.2, 0.25, 0.25),
    Rung(0.6, 0.2, 0.25, 0.25),
)

LONGER = (1.25, 1.5, 2.0, 2.5, 3.0)  # times as many epochs, where every epoch shows new views


def choose(costs: Costs, full: Work, seconds: float, levers: frozenset[str]) -> Work:
    """Return the first work of the ladder that fits into a time; the least if none does.

    Args:
        costs: measured at the full settings.
        full: the settings without a limit of time.
        seconds: allowed, from the start.
        levers: what may be changed: "image_size", "limit", "views", "epochs"; the user has set the rest.

    Example:
        >>> full = Work(1200, 100, 1, (256, 320), (18,), 16, (256, 320))
        >>> choose(Costs(20.0, 0.07, (0.15,)), full, 600, frozenset(["epochs"])) == full
        True
        >>> choose(Costs(20.0, 0.07, (0.3,)), full, 600, frozenset(["epochs"])).epochs
        (14,)
    """
    rungs = dict.fromkeys(_lower(full, rung, levers) for rung in LADDER)
    fitting = (work for work in rungs if seconds_needed(costs, work) <= TOLERANCE * seconds)
    return next(fitting, min(rungs, key=lambda work: seconds_needed(costs, work)))


def lengthen(costs: Costs, full: Work, seconds: float) -> Work:
    """Return the work with as many more epochs as fit into a time, up to the last of `LONGER` times as many.

    Example:
        >>> full = Work(1600, 100, 0, (320, 320), (20,), 16, (320, 320))
        >>> [lengthen(Costs(20.0, 0.0, (0.3,)), full, 60 * minutes).epochs for minutes in (13, 30, 60)]
        [(20,), (40,), (60,)]
    """
    works = (
        replace(full, epochs=tuple(_scale(epochs, factor) for epochs in full.epochs)) for factor in LONGER
    )
    return [full, *(work for work in works if seconds_needed(costs, work) <= seconds)][-1]


def _lower(full: Work, rung: Rung, levers: frozenset[str]) -> Work:
    size_hw = full.size_hw
    if "image_size" in levers:
        # Not below the smallest side, unless the full size is.
        height, width = (min(side, max(SMALLEST, round(side * rung.side / 32) * 32)) for side in size_hw)
        size_hw = height, width
    images = round(full.images * rung.images) if "limit" in levers else full.images
    views = max(1, round(full.views * rung.views)) if full.views and "views" in levers else full.views
    work = replace(full, size_hw=size_hw, images=images, views=views)
    if "epochs" in levers:
        passes = rung.steps * full.steps / work.steps
        work = replace(work, epochs=tuple(_scale(epochs, passes) for epochs in full.epochs))
    return work


def _scale(epochs: int, factor: float) -> int:
    least = min(epochs, EPOCHS[0])  # a phase in closed form has a single one
    return epochs if epochs == 1 else min(max(round(epochs * factor), least), EPOCHS[1])


def adapt(
    asked: TrainSpec[Any], spec: ResolvedSpec[Any], task: Task, data: Any, measure: Callable[[], Costs]
) -> ResolvedSpec[Any]:
    """Return the spec, changed as far as its time requires; log what was chosen and why.

    A resumed run keeps what it had chosen and measures nothing. Settings of the user are never changed.

    Args:
        asked: as given by the user.
        spec: the same with nothing left to choose.
        task: that is trained.
        data: as read.
        measure: measures this machine; called only if there is a limit of time.

    Raises:
        InputError: --minutes of 0.
    """
    minutes, levers = asked.fit.minutes, _levers(asked, task)
    if minutes is not None and minutes <= 0:
        raise InputError(f"--minutes {minutes:g} is not above 0: give the minutes to train for, e.g. 10")
    is_demo = asked.run.data is None and "limit" in levers and "epochs" in levers
    minutes = DEMO_MINUTES if minutes is None and is_demo else minutes
    if isinstance(asked, ResolvedSpec) or minutes is None:
        return spec
    full = _work_of(spec, task, data)
    spent, example, steps = distributed.broadcast_from_chief(measure())  # all measure, one decides
    costs = Costs(spent, example, tuple(steps))
    work = choose(costs, full, 60 * minutes, levers)
    if work == full and not full.views and "epochs" in levers and not is_demo:
        work = lengthen(costs, full, 60 * minutes)
    _log(costs, full, work, minutes)
    if work.epochs != full.epochs:
        spec = spec.replace(**task.modality.settings_of_epochs(asked, sum(work.epochs)))
    return _with_work(spec, full, work)


def _levers(asked: TrainSpec[Any], task: Task) -> frozenset[str]:
    """Return what the user has left to choose: values of "auto", and those that the task brings."""
    sections = {"image_size": asked.modality, "views": asked.modality, "epochs": asked.fit}
    values = {name: getattr(section, name, None) for name, section in sections.items()}
    free = {name for name, value in values.items() if value in (AUTO, task.defaults.get(name, AUTO))}
    free -= {"epochs"} if asked.fit.phases else set()
    # Own data is used as a whole; of demo images there are as many as one likes.
    has_demo_images = asked.run.data is None and hasattr(asked.modality, "image_size")
    return frozenset(free | ({"limit"} if has_demo_images and asked.run.limit is None else set()))


def _work_of(spec: ResolvedSpec[Any], task: Task, data: Any) -> Work:
    size_hw = getattr(spec.modality, "image_size", (1, 1))
    views = getattr(spec.modality, "views", 1)
    epochs = tuple(phase.epochs for phase in spec.plan)
    return Work(len(data.train), len(data.val), views, size_hw, epochs, spec.fit.batch_size, size_hw)


def _with_work(spec: ResolvedSpec[Any], full: Work, work: Work) -> ResolvedSpec[Any]:
    values: dict[str, Any] = {}
    if work.size_hw != full.size_hw:
        values["image_size"] = work.size_hw
    if work.views != full.views:
        values["views"] = work.views
    if work.images != full.images:
        values["limit"] = work.images
    plan = tuple(
        phase if phase.freeze == CLOSED_FORM else replace(phase, epochs=epochs)
        for phase, epochs in zip(spec.plan, work.epochs, strict=True)
    )
    return replace(spec.replace(**values), plan=plan)


def _log(costs: Costs, full: Work, work: Work, minutes: float) -> None:
    whole, needed = (seconds_needed(costs, each) / 60 for each in (full, work))
    steps = ", ".join(f"{1000 * step:.0f} ms" for step in costs.steps)
    LOG.info(
        "measured: %.0f ms for an example in the frozen part, training steps of %s",
        *(1000 * costs.example, steps),
    )
    if work == full:
        LOG.info("plan: full settings, about %.1f of %g minutes (--minutes)", whole, minutes)
    else:
        changes = _changes(full, work)
        LOG.info(
            "plan: the full settings would take about %.0f minutes; for %g (--minutes): %s; about %.1f minutes",
            *(whole, minutes, changes, needed),
        )
    if work.epochs[-1] > 1:
        rate, most = epochs_within(costs, work, 60 * minutes)
        LOG.info("a minute buys %.1f epochs of the last phase; up to --epochs %d fit", rate, most)
    if needed > TOLERANCE * minutes:
        LOG.warning(
            "%g minutes are not enough for the least that makes sense: about %.1f are needed",
            *(minutes, needed),
        )


def _changes(full: Work, work: Work) -> str:
    pairs = {
        "image size": tuple("x".join(map(str, each.size_hw)) for each in (full, work)),
        "images": (full.images, work.images),
        "views": (full.views, work.views),
        "epochs": tuple("+".join(map(str, each.epochs)) for each in (full, work)),
    }
    return ", ".join(f"{name} {now} instead of {old}" for name, (old, now) in pairs.items() if now != old)
