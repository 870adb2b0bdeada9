"""One process of a search: read the data once, open the study, run trials, write what was found."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import Any

from cityzoo import tasks
from cityzoo.cli import flag_name
from cityzoo.errors import InputError
from cityzoo.fit import auto_settings, fine_tune
from cityzoo.modalities.identity import DataIdentity, describe_changes, require_same_names
from cityzoo.report.pages.tuning import tuning_layout
from cityzoo.report.write import write_report
from cityzoo.spec import CLOSED_FORM, TrainSpec
from cityzoo.spec_file import parse_value
from cityzoo.tune import outcome
from cityzoo.tune.journal import default_trial, open_study
from cityzoo.tune.parallel_coordinates import draw_parallel_coordinates
from cityzoo.tune.search import Budget, Search, run_search
from cityzoo.tune.search_space import build_space, first_trials, parse_searches
from cityzoo.tune.study import StudyFolder, read_request
from cityzoo.tune.trial_run import set_aside
from cityzoo.tune.workers import count_running, exclusive, sign_in

LOG = logging.getLogger(__name__)
QUIET = (
    "cityzoo.fit",
    "cityzoo.evaluation",
    "cityzoo.modalities",
    "cityzoo.report.run_report",
    "cityzoo.model",
)
REPORT_FACTOR = 1.5  # of the time that the defaults' report took, kept for the winner's


@dataclass(frozen=True)
class Limits:
    """How long a process searches, and what it does then."""

    minutes: float
    trials: int | None = None  # of the whole study
    retrain: int = 0  # fresh seeds for the winner and the defaults


def run(folder: StudyFolder, limits: Limits) -> dict[str, Any]:
    """Search, in a study's folder that has its request, and return what was found.

    Raises:
        InputError: unusable data or settings, data that changed, or a time too short for the defaults.
    """
    request = read_request(folder)
    asked = _read_spec(request["spec"])
    for name in filter(asked.output.get, ("robust_groups", "independent_of")):
        raise InputError(
            f"tune searches without {flag_name(name)}: remove it, and train with the best settings"
        )
    task, data, _ = fine_tune.load_task_data(asked)
    if not len(data.val):
        raise InputError("there are no validation examples to choose settings by: give some with --val")
    _check_data(folder, data, task)
    examples = set_aside(data, task.modality, request["aside"])
    output = task.output_for(data.train.class_names, asked.output).with_train_statistics(data.train)
    default = auto_settings.resolve(asked, task, examples.data, output)
    searches = parse_searches(request["searches"], task)
    space = build_space(asked, default, task, searches, request["given"], request["only"])
    lower = request["objectives"][0] in task.output.lower_is_better
    directions = ["minimize" if lower else "maximize", *("minimize" for _ in request["objectives"][1:])]
    with exclusive(folder):
        study = open_study(folder, directions, request["pruner"], asked.run.seed)
    budget = Budget(60 * limits.minutes, limits.trials)
    LOG.info(
        "study %s: %s of %d examples chooses among %s; %d examples choose nothing",
        *(folder.path, request["objectives"][0], len(examples.data.val)),
        *(", ".join(each.name for each in space), len(examples.aside)),
    )
    has_gradients = any(phase.freeze != CLOSED_FORM for phase in default.plan)
    with sign_in(folder) as worker, quiet_training(folder):
        queue = first_trials(space, has_gradients)
        search = Search(
            study, folder, asked, task, examples, space, request["objectives"], budget, queue, worker
        )
        ended = run_search(search, _keep_reserve)
        with exclusive(folder):
            found = outcome.summarize(search, ended, limits.retrain)
            _write(search, found)
    _log_answer(search, ended, found["answer_text"])
    return found


def _log_answer(search: Search, ended: str, answer: str) -> None:
    folder = search.folder
    LOG.info("%s", ended)
    LOG.info("%s", answer)
    LOG.info("answer: %s; page: %s", folder.best, folder.path / "tune.html")
    if running := count_running(search.study, folder):
        LOG.info(
            "trials that other processes are still running: %d; the last process to end compares all", running
        )


def _keep_reserve(search: Search) -> None:
    # The defaults' report is written once they are trained; what it takes is kept free for the winner's.
    default, budget = default_trial(search.study), search.budget
    if default is None or budget.reserve:
        return
    before = budget.spent
    with exclusive(search.folder):  # processes that share a study wait for each other
        outcome.finish_trial(search, default)
    budget.reserve = min(REPORT_FACTOR * (budget.spent - before), budget.seconds / 4)


def _read_spec(sections: dict[str, dict[str, Any]]) -> TrainSpec[Any]:
    task = tasks.find(sections["run"]["task"])
    values = {}
    for section, items in task.flags.items():
        for item in items:
            if item.name in sections[section]:
                value = sections[section][item.name]
                values[item.name] = parse_value(item, value, f"request.json: {section}.{item.name}")
    return task.make_spec(values)


def _check_data(folder: StudyFolder, data: Any, task: tasks.Task) -> None:
    found = outcome.identify_data(data, task.modality)
    known = DataIdentity.read(folder.data)
    if known is None:
        found.write(folder.data)
        return
    require_same_names(known, found, str(folder.path))
    changes = describe_changes(known.splits, found.splits)
    if changes:
        raise InputError(
            f"the data changed since the study '{folder.path}' began: {'; '.join(changes)}: restore it, or start a "
            "new study"
        )


@contextmanager
def quiet_training(folder: StudyFolder) -> Iterator[None]:
    """Leave the lines of single trainings out and send progress bars to a file: a search has one line for each."""
    levels = {name: logging.getLogger(name).level for name in QUIET}
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with (folder.path / "progress.txt").open("a", encoding="utf-8") as file, redirect_stdout(file):
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def _write(search: Search, found: dict[str, Any]) -> None:
    folder = search.folder.path
    draw_parallel_coordinates(search, found["trials"], folder / "parallel_coordinates.png")
    layout = tuning_layout(found["metric"], found["objectives"], search.is_lower_better)
    write_report(folder, found, layout, ("study.json", "tune.html"))
