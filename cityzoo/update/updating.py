"""One start of an update: begin a cycle if there is enough new data, or take up the one that is under way."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cityzoo.errors import InputError
from cityzoo.fit.run_lock import is_locked, lock_run
from cityzoo.replace_file import remove_unfinished, unfinished_name
from cityzoo.update.arrivals import copy_arrivals, find_arrivals
from cityzoo.update.cycle import (
    ABANDONED,
    FAILED,
    FINISHED,
    RUNNING,
    STOPPED,
    WAITING,
    Cycle,
    StepState,
    find_changed,
    next_name,
    now,
    read_cycles,
)
from cityzoo.update.page import write_page
from cityzoo.update.plan import Plan, Selection
from cityzoo.update.steps import ACCEPTED, PROMOTED, REFUSED, REPLACED, ROLLED_BACK, Step, list_steps
from cityzoo.update.work import StepFailed, Waiting, Work

LOG = logging.getLogger(__name__)
CURRENT = "current"  # link in the folder of the cycles to the run in service


def update(plan: Plan, abandon: bool = False) -> int:
    """Go as far as possible in the cycle that is under way, else in a new one.

    Args:
        plan: of the updates.
        abandon: end the cycle that is under way; its data is new again.

    Returns:
        0: nothing to do, waiting, or ended well; 1: the new model was refused or rolled back.

    Raises:
        InputError: another update is running, the plan was changed, a step failed or was stopped.
    """
    try:
        plan.cycles.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cycles '{plan.cycles}' cannot be made ({error.strerror}): give another") from error
    if is_locked(plan.cycles):
        raise InputError(f"an update with the cycles of '{plan.cycles}' is still running: wait until it ends")
    with lock_run(plan.cycles, inherited=True):
        remove_unfinished(plan.cycles)
        cycles = read_cycles(plan.cycles)
        cycle = cycles.pop() if cycles and not cycles[-1].outcome else None
        if abandon:
            return _abandon(plan, cycle)
        if cycle is None:
            cycle = begin(plan, cycles)
        else:
            _require_same_plan(plan, cycle)
        if cycle is None:
            return 0
        try:
            return advance(plan, cycle, list_steps(plan))
        finally:
            write_page(plan)


def _abandon(plan: Plan, cycle: Cycle | None) -> int:
    if cycle is None:
        raise InputError("no cycle is under way: leave out --abandon")
    _end(plan, cycle, ABANDONED)
    write_page(plan)
    return 0


def _require_same_plan(plan: Plan, cycle: Cycle) -> None:
    """Check that what the steps so far did is still what the plan says; later steps, and a failed one, may change."""
    sections = {""} | {
        step.section
        for step in list_steps(plan)
        if cycle.steps.get(step.name, StepState(FAILED)).status != FAILED
    }
    sections |= {name for name in cycle.plan if name not in plan.values}  # steps would be left out
    if changed := find_changed(cycle.plan, plan.values, sections):
        raise InputError(
            f"'{plan.file}': {changed} was changed while cycle {cycle.name} is under way: restore it, or end the cycle "
            "with --abandon"
        )
    cycle.plan = dict(plan.values)


def begin(plan: Plan, cycles: Sequence[Cycle]) -> Cycle | None:
    """Make a cycle of the new data; None if there is too little.

    A killed process leaves nothing of it, or all.

    Args:
        plan: of the updates.
        cycles: earlier ones, all ended.
    """
    data = plan.root / plan.sources.data
    found = find_arrivals(data, cycles, plan.sources.settle_seconds)
    young = f"; {found.young} files are too young and left for the next start" if found.young else ""
    if found.examples < plan.sources.min_examples:
        few = f"{found.examples} new examples in '{plan.sources.data}', min_examples is {plan.sources.min_examples}"
        LOG.info("nothing to do: %s%s", few, young)
        return None
    name = next_name(plan.cycles)
    part = unfinished_name(plan.cycles / name)
    try:
        part.mkdir()
        copy_arrivals(data, found, part, with_others=plan.select is None)
        cycle = Cycle(part, os.path.relpath(service_run(plan, cycles), plan.root), dict(plan.values), now())
        cycle.results = {"new": found.examples, "refused": find_refused(plan, cycles)}
        cycle.write()
        part.rename(plan.cycles / name)
    except FileNotFoundError as error:
        raise InputError(f"'{error.filename}' was removed while it was copied: start again") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    cycle.folder = plan.cycles / name
    LOG.info("cycle %s: %d new examples%s; run in service: %s", name, found.examples, young, cycle.run)
    return cycle


def find_refused(plan: Plan, cycles: Sequence[Cycle]) -> dict[str, str]:
    """Return the runs since the last accepted one that did not go into service, and the labels each was trained on.

    Args:
        plan: of the updates; cycles that started from another `run` of it do not count.
        cycles: earlier ones, all ended, the oldest first.

    Returns:
        Run folder -> its labeled data, both relative to the plan's folder.
    """
    found: dict[str, str] = {}
    for cycle in cycles:
        if cycle.outcome in (ACCEPTED, PROMOTED) or cycle.plan[""]["run"] != plan.sources.run:
            found = {}
        elif cycle.outcome in (REFUSED, ROLLED_BACK, REPLACED):
            work = Work(replace(plan, select=_selection(cycle)), cycle, StepState(), "", StepState())
            found[work.relative(work.run)] = work.relative(work.labeled)
    return found


def _selection(cycle: Cycle) -> Selection | None:
    values = cycle.plan.get("select")
    return Selection(**values) if values else None


def service_run(plan: Plan, cycles: Sequence[Cycle]) -> Path:
    """Return the run in service: where `current` points to, else that of the plan, which has changed or is the first.

    Raises:
        InputError: `current` points to nothing.
    """
    current = plan.cycles / CURRENT
    if not cycles or not current.is_symlink() or cycles[-1].plan[""]["run"] != plan.sources.run:
        return plan.root / plan.sources.run
    if not current.exists():
        raise InputError(f"'{current}' points to a run that is gone: restore it, or remove the link")
    return current.resolve()


def advance(plan: Plan, cycle: Cycle, steps: Sequence[Step]) -> int:
    """Perform the steps that are left; return the exit code.

    Raises:
        InputError: a step failed or was stopped; the next start tries it again.
    """
    for step in steps:
        before = cycle.steps.get(step.name, StepState())
        if before.status == FINISHED:
            continue
        outcome = _perform(plan, cycle, step, before)
        if outcome is None:
            return 0
        if outcome:
            return _end(plan, cycle, outcome)
    return _end(plan, cycle, ACCEPTED)


def _perform(plan: Plan, cycle: Cycle, step: Step, before: StepState) -> str | None:
    """Perform a step; return its outcome, None if it waits."""
    if before.status in (RUNNING, STOPPED, FAILED):
        LOG.info("%s: again, it was %s", step.name, "stopped" if before.status == RUNNING else before.status)
    state = StepState(RUNNING, now() if before.status != WAITING else before.started, log=before.log)
    state.command = before.command
    cycle.steps[step.name] = state
    cycle.write()
    try:
        outcome = step.perform(Work(plan, cycle, state, step.name, before))
        _close(cycle, state, FINISHED)
    except Waiting as wait:
        _close(cycle, state, WAITING, str(wait))
        LOG.info("cycle %s waits: %s", cycle.name, wait)
        return None
    except (StepFailed, InputError, OSError) as error:
        _close(cycle, state, FAILED, str(error))
        raise InputError(
            f"cycle {cycle.name}, step {step.name}: {error}; the same command tries it again"
        ) from error
    except KeyboardInterrupt:
        _close(cycle, state, STOPPED, "interrupted")
        raise InputError(
            f"cycle {cycle.name} was stopped in step {step.name}: the same command resumes it"
        ) from None
    LOG.info("%s: finished", step.name)
    return outcome


def _close(cycle: Cycle, state: StepState, status: str, message: str = "") -> None:
    state.status, state.message, state.ended = status, message, now()
    cycle.write()


def _end(plan: Plan, cycle: Cycle, outcome: str) -> int:
    if outcome in (ACCEPTED, PROMOTED):
        run = cycle.folder / f"{Path(plan.sources.run).name}-{cycle.name}"
        link = unfinished_name(plan.cycles / CURRENT)
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.relpath(run, plan.cycles))
        os.replace(link, plan.cycles / CURRENT)
    cycle.outcome, cycle.ended = outcome, now()
    cycle.write()
    reasons = "; ".join(cycle.results.get("reasons") or ())
    LOG.info("cycle %s: %s%s", cycle.name, outcome, f" ({reasons})" if reasons else "")
    return 1 if outcome in (REFUSED, ROLLED_BACK) else 0
