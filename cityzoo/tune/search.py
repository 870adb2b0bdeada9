"""The search: ask for settings, train a trial from rung to rung, record what happens to it, until the time is over."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cityzoo.cli import flag_name
from cityzoo.errors import InputError, disk_full, is_out_of_memory
from cityzoo.tune import trial_run
from cityzoo.tune.budget import Budget, OutOfTimeError
from cityzoo.tune.journal import default_trial, finished_trials
from cityzoo.tune.rungs import Rungs
from cityzoo.tune.search_space import Dimension, label, suggest_spec
from cityzoo.tune.study import StudyFolder
from cityzoo.tune.workers import exclusive, run_folder, take_over

if TYPE_CHECKING:
    import optuna

    from cityzoo.spec import TrainSpec
    from cityzoo.tasks import Task

LOG = logging.getLogger(__name__)
MOST_REPEATED = 20  # settings in a row that were tried before: then the space is exhausted
FAILED_AT_ONCE = 3  # trials without a single success: then the task is at fault, not the settings


@dataclass(frozen=True)
class Search:
    """What the steps of a search share."""

    study: optuna.Study
    folder: StudyFolder
    asked: TrainSpec[Any]  # the defaults, as given
    task: Task
    examples: trial_run.Examples
    space: Sequence[Dimension]
    objectives: Sequence[str]
    budget: Budget
    queue: Sequence[tuple[str, dict[str, Any]]]  # the first trials: origin and settings as the study has them
    worker: str = ""

    @property
    def is_lower_better(self) -> bool:
        """Return whether the first objective improves when it falls."""
        return self.objectives[0] in self.task.output.lower_is_better

    def prepare(self, chosen: Mapping[str, Any]) -> trial_run.Prepared:
        """Return the trial that has these settings, by name."""
        from cityzoo.tune.search_space import replace_settings

        return trial_run.prepare(replace_settings(self.asked, chosen), self.task, self.examples)

    def values_of(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return settings as the spec has them, from those of the study."""
        by_name = {each.name: each for each in self.space}
        return {name: by_name[name].labels.get(value, value) for name, value in params.items()}


def run_search(search: Search, between: Callable[[Search], None]) -> str:
    """Run trials until the time is over; return why it ended.

    Args:
        search: what its steps share.
        between: called before each trial.
    """
    with exclusive(search.folder):
        if not search.study.get_trials(deepcopy=False):
            for origin, params in search.queue:
                search.study.enqueue_trial(params, user_attrs={"origin": origin})
    repeated = 0
    try:
        while repeated < MOST_REPEATED:
            between(search)
            if search.budget.left <= 0:
                return "the minutes are over"
            if search.budget.trials is not None and _count(search.study) >= search.budget.trials:
                return "all trials are done"
            with exclusive(search.folder):
                trial = take_over(search.study, search.folder) or search.study.ask()
                trial.set_user_attr("worker", search.worker)
            repeated = 0 if run_trial(search, trial) else repeated + 1
            _require_success(search.study)
    except OutOfTimeError as error:
        return str(error)
    return "every combination of the settings has been tried"


def _count(study: optuna.Study) -> int:
    # Those that were told the result of equal settings do not count.
    import optuna

    states = optuna.trial.TrialState
    known = study.get_trials(deepcopy=False, states=(states.COMPLETE, states.PRUNED, states.FAIL))
    return sum("repeats" not in trial.user_attrs for trial in known)


def _require_success(study: optuna.Study) -> None:
    import optuna

    states = optuna.trial.TrialState
    failed = [t for t in study.get_trials(deepcopy=False, states=(states.FAIL,)) if "reason" in t.user_attrs]
    if len(failed) >= FAILED_AT_ONCE and not finished_trials(study):
        raise InputError(
            f"the first {len(failed)} trials failed, the last one with: {failed[-1].user_attrs['reason']}"
        )


def run_trial(search: Search, trial: optuna.Trial) -> bool:
    """Train one trial and tell the study; return False for settings that were tried before.

    Raises:
        OutOfTimeError: the time is over or the user interrupts; the trial can be continued.
    """
    started, before = time.monotonic(), float(trial.user_attrs.get("seconds", 0.0))

    def note_seconds() -> None:
        trial.set_user_attr("seconds", round(before + time.monotonic() - started, 1))

    try:
        with search.budget.interrupt_at_end():
            return _train_rungs(search, trial, note_seconds)
    except KeyboardInterrupt:
        _stop(search, trial, note_seconds)
    except InputError as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            _stop(search, trial, note_seconds)
        note_seconds()
        _fail(search, trial, str(error))
    except Exception as error:
        if disk_full(error):
            raise
        reason = "out of memory" if is_out_of_memory(error) or isinstance(error, MemoryError) else repr(error)
        LOG.debug("%s", traceback.format_exc())
        note_seconds()
        _fail(search, trial, reason)
    return True


def _stop(search: Search, trial: optuna.Trial, note_seconds: Callable[[], None]) -> None:
    if not search.study.get_trials(deepcopy=False)[trial.number].state.is_finished():
        note_seconds()
        trial.set_user_attr("worker", "")  # free to be continued
    raise OutOfTimeError("the minutes are over" if search.budget.left <= 1 else "interrupted") from None


def _fail(search: Search, trial: optuna.Trial, reason: str) -> None:
    import optuna

    reason = " ".join(reason.split())[:300]
    trial.set_user_attr("reason", reason)
    search.study.tell(trial, state=optuna.trial.TrialState.FAIL)
    LOG.warning("trial %d failed: %s", trial.number, reason)


def _train_rungs(search: Search, trial: optuna.Trial, note_seconds: Callable[[], None]) -> bool:
    import optuna

    spec, chosen = suggest_spec(trial, search.space, search.asked, search.task, search.examples.data)
    if _tell_repeated(search, trial):
        return False
    prepared = trial_run.prepare(spec, search.task, search.examples)
    folder, metric = run_folder(search.folder, trial), search.objectives[0]
    rungs = Rungs(trial, search.objectives, trial_run.rungs_of(prepared.spec.plan), note_seconds)
    state = trial_run.train(prepared, folder, rungs.is_enough)
    rungs.report(state, last=True)
    value = trial_run.best_value(state, metric)
    if rungs.is_stopped:
        search.study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        _log(search, trial, chosen, value, f"stopped after {state.epoch} epochs")
        return True
    costs = trial_run.measure_costs(folder) if len(search.objectives) > 1 else {}
    search.study.tell(trial, [value, *(costs[name] for name in search.objectives[1:])])
    _log(search, trial, chosen, value, ", ".join(f"{cost:.1f} {name}" for name, cost in costs.items()))
    return True


def _tell_repeated(search: Search, trial: optuna.Trial) -> bool:
    # The sampler may return to settings: their result is known.
    import optuna

    states = optuna.trial.TrialState
    for known in search.study.get_trials(deepcopy=False, states=(states.COMPLETE, states.PRUNED)):
        if known.params == trial.params and "repeats" not in known.user_attrs:
            trial.set_user_attr("repeats", known.number)
            if known.state == states.COMPLETE:
                search.study.tell(trial, known.values)
            else:
                search.study.tell(trial, state=states.PRUNED)
            return True
    return False


def _log(search: Search, trial: optuna.Trial, chosen: Mapping[str, Any], value: float, note: str) -> None:
    default = default_trial(search.study)
    against = "" if default is None else f" (defaults {default.values[0]:.4f})"
    origin = trial.user_attrs.get("origin", "")
    changed = [each for each in search.space if each.name in chosen and chosen[each.name] != each.default]
    words = " ".join(f"{flag_name(each.name)} {_short(chosen[each.name])}" for each in changed)
    LOG.info(
        "trial %d: %s %.4f%s%s, %.0f s; %.1f of %g minutes: %s",
        *(trial.number, search.objectives[0], value, against, f", {note}" if note else ""),
        *(trial.user_attrs["seconds"], search.budget.spent / 60, search.budget.seconds / 60),
        words if words and not origin.startswith("defaults") else "defaults",
    )


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else label(value)
