"""The documents of an exported folder: description, comparison, example script, card, and a row in the run's report."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo.evaluation import monitoring_reference
from cityzoo.evaluation.run_facts import earlier_facts
from cityzoo.export import example_script, parity
from cityzoo.report import pages, run_report
from cityzoo.report.local_paths import shorten_paths
from cityzoo.runtime.exported_folder import CARD, DESCRIPTION, PARITY, digest
from cityzoo.spec import FORMAT_VERSION

if TYPE_CHECKING:
    from cityzoo.evaluation.evaluated_run import EvaluatedRun

LOG = logging.getLogger(__name__)


def write(run: EvaluatedRun, folder: Path, about: dict[str, Any], proof: dict[str, Any]) -> None:
    """Write everything that lies next to an exported file.

    Args:
        run: that was exported.
        folder: of the file.
        about: its description.
        proof: its comparison with the trained model.
    """
    facts = shorten_paths({k: v for k, v in earlier_facts(run.folder.path).items() if k != "exports"})
    spec = shorten_paths(run.spec.as_dict())
    documents = {
        DESCRIPTION: about,
        PARITY: proof,
        "spec.json": {"format_version": FORMAT_VERSION, **spec},
        "report.json": facts,
    }
    for name, document in documents.items():
        text = json.dumps(document, indent=2, default=float)
        (folder / name).write_text(text + "\n", encoding="utf-8")
    for name in (monitoring_reference.NAME, "policy.yaml"):
        if (run.folder.path / name).is_file():
            shutil.copy(run.folder.path / name, folder)
    script = example_script.example_script(about, run.output.page)
    (folder / example_script.NAME).write_text(script, encoding="utf-8")
    (folder / CARD).write_text(_card(run, about, proof), encoding="utf-8")


def copy_companions(run: EvaluatedRun, folder: Path) -> dict[str, str]:
    """Copy the files that a run's model needs next to it; return the SHA-256 of each."""
    present = [name for name in run.task.modality.companions if (run.folder.path / name).is_file()]
    for name in present:
        shutil.copyfile(run.folder.path / name, folder / name)
    return {name: digest(folder / name) for name in present}


def add_to_report(run: EvaluatedRun, name: str, proof: dict[str, Any]) -> None:
    """Add a row about an exported file to the report of its run, if there is one."""
    report = earlier_facts(run.folder.path)
    if not report:  # its training was stopped
        return
    row = proof["figures"].get(proof["metric"].partition(",")[0], {})
    about = {
        "verdict": "passed" if proof["passed"] else "refused",
        "precision": proof["precision"],
        "metric": proof["metric"],
        "before": row.get("other"),
        "after": row.get("this"),
        "interval": [row["low"], row["high"]] if row.get("low") is not None else None,
        "megabytes": proof["bytes"] / 1e6,
    }
    exports = {**(report.get("exports") or {}), name: about}
    try:
        run_report.add(run.folder.path, run.output, {**report, "exports": exports})
    except OSError as error:  # another user's folder
        LOG.warning("WARNING: the run's report is not changed (%s)", error)


def _card(run: EvaluatedRun, about: dict[str, Any], proof: dict[str, Any]) -> str:
    card = pages.find_model_card(run.output.page)
    sections = run.facts.get("model_card") or card(run.facts, run.task.summary)
    lines = [f"# {about['task']}: {about['model']}", "", f"{about['summary']}.", ""]
    lines += [
        f"- {each['name']} {each['shape']} {each['dtype']}" for each in about["inputs"] + about["outputs"]
    ]
    verdict = parity.verdict_line(proof, run.task.modality.unit)
    lines += ["", "## Does it answer as the trained model?", "", verdict + "."]
    lines += ["`python -m cityzoo export --check .` runs the stored probes again on your machine."]
    for title, sentences in sections.items():
        lines += ["", f"## {title}", "", *(f"- {sentence}" for sentence in sentences)]
    return "\n".join(lines) + "\n"
