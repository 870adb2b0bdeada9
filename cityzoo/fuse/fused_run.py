"""The run folder of a fused model: model, spec, identity of the data, report and page, as every run has them."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cityzoo.evaluation import evaluate
from cityzoo.evaluation.evaluated_run import EvaluatedRun, open_evaluated
from cityzoo.fit import run_data
from cityzoo.fit.run_folder import create
from cityzoo.fuse.comparison import compare_runs, describe_fusion, format_fusion
from cityzoo.fuse.ensemble import Fused
from cityzoo.modalities import Dataset
from cityzoo.model import count_parameters, save
from cityzoo.outputs import Output
from cityzoo.report import run_report
from cityzoo.spec import ResolvedSpec

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class FusedRun:
    """What a fused run is made of.

    Attributes:
        by: the method.
        members: the runs that are fused.
        others: other runs to compare with.
        data: of the members.
        output: what predictions mean.
        examples: held-out examples to evaluate it on.
        note: how held-out examples were divided; "" where nothing was chosen.
        is_half: whether they are a part of the split that evaluate.py takes.
    """

    by: str
    members: Sequence[EvaluatedRun]
    others: Sequence[EvaluatedRun]
    data: Dataset
    output: Output
    examples: Any
    note: str = ""
    is_half: bool = False

    def write(self, fused: Fused, out: Path, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Write the folder of a fused model and return its report.

        Args:
            fused: the model, and how it was made.
            out: the new folder.
            more: entries of the report's `fusion`.

        Raises:
            InputError: the folder exists or cannot be written.
        """
        first, started = self.members[0], time.perf_counter()
        modality, seed = first.task.modality, first.spec.run.seed
        spec: Any = first.spec.replace(out=str(out), repeats=1, minutes=None, teacher=None)
        with create(spec) as folder:
            try:
                save(fused.model, folder.model)
                run_data.check_resumed(folder, modality, self.data)
                modality.write_manifest(folder.path, self.data, self.output)
                subject = open_evaluated(str(out))
                rivals = compare_runs([*self.members, *self.others], subject, self.examples)
                metrics = evaluate.evaluate(
                    folder, first.task, self.output, self.examples, folder.path, rivals, seed=seed
                )
            except BaseException:  # Ctrl-C, too: half a run is of no use
                shutil.rmtree(folder.path, ignore_errors=True)
                raise
            fusion = self.describe(subject, metrics["compared"], fused) | dict(more or {})
            facts = self._facts(spec, subject, round(time.perf_counter() - started, 1))
            report = run_report.write(
                folder.path, first.task, self.output, facts | {"fusion": fusion}, metrics, seed
            )
        log_fusion(fusion)
        return report

    def describe(
        self, subject: EvaluatedRun, compared: Mapping[str, Any], fused: Fused | None = None
    ) -> dict[str, Any]:
        """Return the report's `fusion`."""
        weights = fused.weights if fused else ()
        found = describe_fusion(self.by, subject.model, self.members, self.others, compared, weights)
        choice = {"choice": fused.choice} if fused and fused.choice else {}
        return {**found, **choice, "note": self.note, "n_evaluated": len(self.examples)}

    def _facts(self, spec: ResolvedSpec[Any], subject: EvaluatedRun, seconds: float) -> dict[str, Any]:
        findings = self.data.findings.as_dict()
        total = count_parameters(subject.model.weights)
        names = dict.fromkeys(member.spec.run.backbone for member in self.members)
        warnings = []
        if self.is_half:
            warnings.append(
                f"part of {self.examples.split} chose how the members are fused; the metrics here are of the other "
                f"part, those of all of {self.examples.split} flatter this model"
            )
        return {
            "task": spec.run.task,
            "backbone": " + ".join(names),
            "data": findings["source"],
            "findings": findings,
            "warnings": warnings,
            "weights": None,
            "parameters": {"trainable": total, "frozen": 0, "total": total},
            "seconds": {"total": seconds},
            "spec": spec.as_dict(),
        }


def log_fusion(fusion: Mapping[str, Any]) -> None:
    """Log what was gained and what it costs, and a hint where nothing was trained with --ema."""
    for line in format_fusion(fusion):
        LOG.info("%s", line)
    if "best_ema" not in fusion:
        LOG.info("no run with --ema to compare with: train one with --ema 0.998 and give it by --compare")
