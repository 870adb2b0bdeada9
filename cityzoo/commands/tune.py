"""Search for settings of a training that beat the defaults, in the time it is given."""

from __future__ import annotations

import argparse
import logging
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cityzoo import cli, tasks
from cityzoo.cli.values import parse_count, parse_names, parse_number, parse_share
from cityzoo.commands.train_flags import add_task_flags, check
from cityzoo.errors import InputError, unknown
from cityzoo.spec import RunFlags

LOG = logging.getLogger(__name__)
PROG = "python -m cityzoo tune"
ABOUT = """\
Train with other settings again and again, from the defaults on, and stop early what does not look promising. The winner
is compared with the defaults on examples that chose nothing: if the interval of the difference includes 0, the defaults
hold. Nearly all flags of train.py are taken; what is given keeps its value, the rest is searched. The same command
with the same --out, also in several terminals at once, continues a study.
"""
EXAMPLES = f"""\
examples:
  {PROG} --task vehicle_classify --data highway/ --minutes 60
  {PROG} --data highway/ --search learning_rate=1e-5..1e-2 --search freeze=backbone,none
  {PROG} --data highway/ --objectives AP,milliseconds --search backbone=mobilenet_025,mobilenet_075
  {PROG} --resume runs/tune-vehicle_classify-mobilenet_075-1 --minutes 30 --retrain 3
"""
LEFT_OUT = ("repeats", "out", "minutes", "find_lr", "strict")  # flags of train.py that a search sets itself
MINUTES = 60.0
MOST_CRASHES = 6  # of the working process


def _parser(task: str) -> cli.Parser:
    parser = cli.Parser(prog=PROG, description=ABOUT, epilog=EXAMPLES, allow_abbrev=False)
    add_task_flags(parser, task, LEFT_OUT)
    _add_search_flags(parser.add_argument_group("search"))
    return parser


def _add_search_flags(group: Any) -> None:
    count, share, number = map(cli.argparse_type, (parse_count, parse_share, parse_number))
    add = group.add_argument
    add(
        "--minutes",
        type=number,
        default=MINUTES,
        metavar="N",
        help="time of this command (default: %(default)g)",
    )
    add("--trials", type=count, metavar="N", help="end after N trials of the study (default: by time alone)")
    about = "try these values of a setting: LOW..HIGH or A,B; repeat it for more settings"
    add("--search", action="append", metavar="NAME=VALUES", help=about)
    add("--only", action="store_true", help="search nothing but what --search names")
    add(
        "--objectives",
        type=cli.argparse_type(parse_names),
        metavar="METRIC,...",
        help="a metric of the task to improve, then milliseconds and megabytes to lower (default: the metric that "
        "chooses the best epoch)",
    )
    add("--pruner", metavar="halving|hyperband|none", help="how trials are stopped early (default: halving)")
    add(
        "--aside",
        type=share,
        metavar="SHARE",
        help="share of the validation examples that chooses nothing, where there is no test split (default: 0.5)",
    )
    add(
        "--retrain",
        type=count,
        default=0,
        metavar="N",
        help="train winner and defaults again with N fresh seeds",
    )
    add("--out", metavar="FOLDER", help="study folder (default: runs/tune-TASK-BACKBONE-NUMBER)")
    add("--resume", metavar="STUDY", help="continue a study with its own settings")
    add("--worker", action="store_true", help=argparse.SUPPRESS)


def main(arguments: Sequence[str]) -> int:
    """Search as the flags say; return 0."""
    first = cli.Parser(prog=PROG, add_help=False, allow_abbrev=False)
    first.add_argument("--task", default=RunFlags.task)
    name = first.parse_known_args(arguments)[0].task
    name = str(Path(name).resolve()) if name.endswith(".py") else name
    given = vars(_parser(name).parse_args(arguments))
    limits = {key: given.pop(key) for key in ("minutes", "trials", "retrain")}
    if limits["minutes"] <= 0:
        raise InputError(
            f"--minutes {limits['minutes']:g} is not above 0: give the minutes to search for, e.g. 60"
        )
    is_worker = given.pop("worker")
    folder = _prepare(name, given)
    if is_worker:
        return _work(folder, limits)
    return _supervise(folder, limits)


def _prepare(name: str, given: dict[str, Any]) -> Path:
    """Check what was asked for, make the study's folder or find it, and return it."""
    from cityzoo.tune.journal import import_optuna
    from cityzoo.tune.study import StudyFolder, claim, read_request

    import_optuna()
    if given["resume"]:
        _refuse_settings(given)
        read_request(StudyFolder(Path(given["resume"])))
        return Path(given["resume"])
    request = _request(name, given)
    folder = StudyFolder(Path(given["out"]) if given["out"] else _free_name(request.spec["run"]))
    claim(folder, request)
    return folder.path


def _refuse_settings(given: dict[str, Any]) -> None:
    strange = [key for key, value in given.items() if key != "resume" and value not in (None, False)]
    if strange:
        name = cli.flag_name(strange[0])
        raise InputError(f"--resume uses the study's saved settings: remove {name}, or start a new study")


def _request(name: str, given: dict[str, Any]) -> Any:
    from cityzoo.tune.search_space import parse_searches
    from cityzoo.tune.study import PRUNERS, Request

    keys = ("search", "only", "objectives", "pruner", "aside", "out", "resume")
    own = {key: given[key] for key in keys}
    settings = {key: value for key, value in given.items() if key not in keys}
    task = tasks.find(name)
    spec = task.make_spec({**settings, "task": name})
    check(spec)
    searches = parse_searches(own["search"] or (), task)
    clash = sorted(set(searches) & set(settings))
    if clash:
        raise InputError(f"{cli.flag_name(clash[0])} is both given and searched: remove one of them")
    if own["only"] and not searches:
        raise InputError("--only searches what --search names, which is nothing: give --search NAME=VALUES")
    pruner = own["pruner"] or PRUNERS[0]
    if pruner not in PRUNERS:
        raise unknown("pruner", pruner, PRUNERS)
    objectives = _objectives(own["objectives"] or (task.monitor,), task)
    fixed = sorted(set(settings) - {"task"})
    return Request(
        spec.as_dict(), fixed, own["search"] or (), own["only"], objectives, pruner, own["aside"] or 0.5
    )


def _objectives(names: Sequence[str], task: tasks.Task) -> tuple[str, ...]:
    from cityzoo.tune.study import COSTS

    metrics = tuple(dict.fromkeys((task.monitor, *task.output.primary_metrics)))
    if names[0] not in metrics:
        raise unknown("metric of this task", names[0], metrics)
    for name in names[1:]:
        if name not in COSTS:
            raise unknown("objective after the first", name, COSTS)
    return tuple(names)


def _free_name(run: dict[str, Any]) -> Path:
    task, number = RunFlags(task=run["task"]).task_name, 1
    while Path("runs", f"tune-{task}-{run['backbone']}-{number}").exists():
        number += 1
    return Path("runs", f"tune-{task}-{run['backbone']}-{number}")


def _supervise(folder: Path, limits: dict[str, Any]) -> int:
    """Run the search in a process of its own, and start another one where a trial's memory or a crash ends it."""
    import time

    from cityzoo.tune.study import StudyFolder
    from cityzoo.tune.workers import mark_crashed

    end = time.monotonic() + 60 * limits["minutes"]
    for _ in range(MOST_CRASHES):
        minutes = (end - time.monotonic()) / 60
        words = ["--resume", str(folder), "--worker", "--minutes", f"{max(minutes, 0.01):.4f}"]
        words += [f"--{key}={limits[key]}" for key in ("trials", "retrain") if limits[key]]
        worker = subprocess.Popen([sys.executable, "-m", "cityzoo", "tune", *words])
        code = _wait(worker)
        if code >= 0:
            return code
        mark_crashed(StudyFolder(folder), worker.pid)
        LOG.warning(
            "the working process was killed by signal %d, perhaps out of memory: the search goes on", -code
        )
    raise InputError(
        f"the working process was killed {MOST_CRASHES} times: give a smaller --batch-size or --image-size"
    )


def _wait(worker: subprocess.Popen[bytes]) -> int:
    while True:
        try:
            return worker.wait()
        except (
            KeyboardInterrupt
        ):  # the worker gets Ctrl-C as well; a scheduler's SIGTERM is for this process alone
            worker.terminate()


def _work(folder: Path, limits: dict[str, Any]) -> int:
    _end_with_parent()
    with cli.start_backend():
        from cityzoo.tune import runner
        from cityzoo.tune.study import StudyFolder
    runner.run(StudyFolder(folder), runner.Limits(**limits))
    return 0


def _end_with_parent() -> None:
    # The command that was killed would leave its working process behind: interrupt it, which keeps its trial. Shells
    # start commands in the background with SIGINT ignored, so that it is SIGTERM.
    import ctypes

    set_death_signal = 1  # PR_SET_PDEATHSIG of Linux; elsewhere it ends with its minutes
    try:
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGTERM)
    except (AttributeError, OSError) as error:
        LOG.debug("no signal at the end of the parent process: %s", error)
