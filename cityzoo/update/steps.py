"""The steps of a cycle. Each runs a command of cityzoo and reads what it wrote; all can be repeated."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from cityzoo import tasks
from cityzoo.update.arrivals import count_examples
from cityzoo.update.cycle import hash_path, seconds_since
from cityzoo.update.gate import find_reasons
from cityzoo.update.plan import ALWAYS, Plan
from cityzoo.update.work import StepFailed, Waiting, Work, find_train, read_json, remove

LOG = logging.getLogger(__name__)
Words = list[str | Path]
CITYZOO = ("-m", "cityzoo")
NO_DRIFT, REFUSED, ACCEPTED, PROMOTED = "no drift", "refused", "accepted", "promoted"
ROLLED_BACK, REPLACED = "rolled back", "replaced"


class Step(NamedTuple):
    """A step.

    Attributes:
        name: in cycle.json and on the page.
        section: of the plan that it depends on; it is left out where the plan lacks it.
        perform: does it; returns the outcome of the cycle if it ends here, else "".
    """

    name: str
    section: str
    perform: Callable[[Work], str]


def check(work: Work) -> str:
    """Read all new data as the run does, and count what can be used."""
    target = work.folder / "check.json"
    data: Words = [work.plan.root / work.cycle.run, work.new]
    words: Words = ["--unlabeled", *data] if work.plan.select else [*data, "--", *work.plan.train]
    work.call(["-m", "cityzoo.commands.update_check", "--out", target, *words])
    found = read_json(target)
    work.cycle.results |= {"examples": found["examples"], "unit": found["unit"]}
    least = work.plan.sources.min_examples
    if found["examples"] < least:
        raise StepFailed(
            f"{found['examples']} of the new {found['unit']} can be read, min_examples is {least}: see "
            f"{work.state.log}; --abandon makes the data new again"
        )
    work.keep(target)
    return ""


def find_drift(work: Work) -> str:
    """Compare the new data with what the run was evaluated on."""
    drift, out = work.plan.drift, work.folder / "drift"
    if drift is None:
        return ""
    remove(out)
    words: Words = ["drift", work.plan.root / work.cycle.run, "--data", work.new, "--out", out]
    work.call([*CITYZOO, *words, "--false-alarms", f"{drift.false_alarms:g}"])
    found = read_json(out / "report.json")
    work.cycle.results |= {"drift": found["drift"], "changed": found["changed"]}
    work.keep(out / "report.json")
    return "" if found["drift"] or drift.when == ALWAYS else NO_DRIFT


def select(work: Work) -> str:
    """Choose the examples that people label."""
    selection, out = work.plan.select, work.selected
    if selection is None or out is None:
        return ""
    remove(out)
    words: Words = ["select", work.plan.root / work.cycle.run, "--data", work.new, "--out", out]
    words += ["--most", str(selection.most), "--no-simulation"]
    words += ["--labels", selection.labels] if selection.labels else []
    work.call([*CITYZOO, *words])
    work.keep(out / "why.csv")
    return ""


def wait_for_labels(work: Work) -> str:
    """Wait until people have moved the folder with their labels."""
    if not work.labeled.is_dir():
        if work.selected is None or not work.selected.is_dir():
            raise StepFailed(f"the folder to label is gone: move it to '{work.relative(work.labeled)}'")
        raise Waiting(
            f"correct the labels in '{work.relative(work.selected)}', then move that folder to "
            f"'{work.relative(work.labeled)}'"
        )
    work.cycle.results["labeled"] = count_examples(work.labeled)
    return ""


def train(work: Work) -> str:
    """Continue the run in service on the new data, or resume that training."""
    begin: Words = [find_train(), "--continue", work.plan.root / work.cycle.run, "--data", work.labeled]
    refused = _find_labels_of_refused(work)
    begin += ["--with-data-of", ",".join(refused)] if refused else []
    begin += ["--out", work.run, *work.plan.train]
    resume: Words = [find_train(), "--resume", work.run]
    is_begun = (work.run / "checkpoint.npz").is_file()
    if is_begun and work.before.command[1:] in (work.command(begin)[1:], work.command(resume)[1:]):
        code = work.call(resume, (0, 1))
    else:
        remove(work.run)
        code = work.call(begin, (0, 1))
    report = work.run / "report.json"
    if code == 1 and not (report.is_file() and (read_json(report).get("lineage") or {}).get("lost")):
        raise StepFailed(work.describe_failure())  # a crash, not the gate
    work.keep(work.run / "model.keras")
    return ""


def _find_labels_of_refused(work: Work) -> list[str]:
    """Return the runs of refused cycles whose labels are still there, and count these for the page."""
    known, root = work.cycle.results.get("refused") or {}, work.plan.root
    found = {
        run: root / data for run, data in known.items() if (root / run).is_dir() and (root / data).exists()
    }
    work.cycle.results["relearned"] = count = sum(map(count_examples, found.values()))
    if found:
        LOG.info("train: with %d labels of refused cycles: %s", count, ", ".join(known[run] for run in found))
    for run in known.keys() - found.keys():
        LOG.warning(
            "WARNING: the labels of a refused cycle are left out, '%s' or '%s' is gone", known[run], run
        )
    return list(found)


def gate(work: Work) -> str:
    """Refuse a model that forgot too much, or is worse on the new data."""
    report = read_json(work.run / "report.json")
    lineage = report.get("lineage") or {}
    row = (lineage.get("rows") or {}).get(work.run.name) or {}
    lower = lineage.get("metric") in tasks.find(report["spec"]["run"]["task"]).output.lower_is_better
    reasons = find_reasons(lineage, row, work.plan.gate.min_gain, lower)
    names = ("before", "difference", "interval")
    work.cycle.results |= {"metric": lineage.get("metric"), "after": row.get("this"), "reasons": reasons}
    work.cycle.results |= {name: row.get(name) for name in names}
    return REFUSED if reasons else ""


def export(work: Work) -> str:
    """Export the new run, with proof that the file answers like it."""
    options, refused = work.plan.export, work.folder / "export-refused"
    if options is None:
        return ""
    remove(work.export, refused)
    words: Words = ["export", work.run, "--out", work.export, "--format", options.format]
    words += [] if options.precision == "float32" else [f"--{options.precision}"]
    words += [] if options.allow_loss is None else ["--allow-loss", f"{options.allow_loss:g}"]
    if work.call([*CITYZOO, *words], (0, 1)) == 1:
        if not refused.is_dir():
            raise StepFailed(work.describe_failure())
        work.cycle.results["reasons"] = [
            "the exported file answers otherwise than the run: see logs/export.log"
        ]
        return REFUSED
    work.keep(work.export)
    return ""


def sign(work: Work) -> str:
    """Sign the exported folder."""
    if work.plan.sign is not None:
        work.require_unchanged()
        key = work.plan.root / work.plan.sign.private_key
        work.call([*CITYZOO, "protect", "sign", work.export, "--private-key", key])
        work.keep(work.export)
    return ""


def promote(work: Work) -> str:
    """Add the export to the served models, as a canary; not again if it is there."""
    if (promotion := work.plan.promote) is None:
        return ""
    work.require_unchanged()
    models = work.plan.root / promotion.models
    if not _find_version(work, models / promotion.name):
        words: Words = ["models", models, "add", work.export, "--name", promotion.name]
        work.call([*CITYZOO, *words, "--canary", f"{promotion.canary:g}"])
    work.cycle.results["version"] = _find_version(work, models / promotion.name)
    return ""


def _find_version(work: Work, model: Path) -> int | None:
    from cityzoo.serve.model_folders import find_versions

    content = hash_path(work.export)
    return next((n for n, path in find_versions(model).items() if hash_path(path) == content), None)


def observe_canary(work: Work) -> str:
    """Wait until the canary was promoted or rolled back; promote it after the hours of the plan."""
    from cityzoo.serve.model_folders import find_versions
    from cityzoo.serve.traffic import read_traffic

    promotion, number = work.plan.promote, work.cycle.results.get("version")
    if promotion is None or number is None:
        return ACCEPTED
    models = work.plan.root / promotion.models
    traffic = read_traffic(models / promotion.name)
    if traffic.canary and traffic.canary.version == number:
        since, hours = work.cycle.steps["promote"].ended, promotion.canary_hours
        if hours is None or seconds_since(since) < 3600 * hours:
            until = (
                "somebody promotes it or rolls it back" if hours is None else f"{hours:g} hours have passed"
            )
            command = f"python -m cityzoo models {promotion.models} promote {promotion.name}"
            raise Waiting(
                f"version {number} of {promotion.name} is a canary of {traffic.canary.percent:g} % since {since}, "
                f"until {until}: {command}"
            )
        work.call([*CITYZOO, "models", models, "promote", promotion.name])
        traffic = read_traffic(models / promotion.name)
    if number in traffic.withdrawn:
        reasons = [e["reason"] for e in traffic.history if (e["event"], e["version"]) == ("rollback", number)]
        work.cycle.results["reasons"] = reasons[-1:]
        return ROLLED_BACK
    stable = next(iter(traffic.candidates(find_versions(models / promotion.name))), None)
    return PROMOTED if stable == number else REPLACED


STEPS = (
    Step("check", "", check),
    Step("drift", "drift", find_drift),
    Step("select", "select", select),
    Step("label", "select", wait_for_labels),
    Step("train", "train", train),
    Step("gate", "gate", gate),
    Step("export", "export", export),
    Step("sign", "sign", sign),
    Step("promote", "promote", promote),
    Step("canary", "promote", observe_canary),
)


def list_steps(plan: Plan) -> list[Step]:
    """Return the steps that a plan has."""
    return [
        step for step in STEPS if step.section in ("", "train") or getattr(plan, step.section) is not None
    ]
