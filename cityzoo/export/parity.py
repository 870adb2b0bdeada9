"""The parity gate: an exported file in its own runtime against the Keras model, on held-out examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cityzoo.evaluation.compare import better_when_lower, compare
from cityzoo.export import graphs
from cityzoo.export.calibration import Recorder
from cityzoo.metrics.weighted import bootstrap_weights
from cityzoo.runtime.base_model import RuntimeModel
from heads.detection_decode import decode_detections

if TYPE_CHECKING:
    from cityzoo.evaluation.evaluated_run import EvaluatedRun

BOUNDS = {"float32": 0.001, "float16": 0.003, "int8": 0.01}
WORST = 10  # examples shown
SHEET = "worst.png"


class Passes(NamedTuple):
    """Both models' results on the same examples, and what they returned."""

    before: list[Any]
    after: list[Any]
    differences: dict[str, np.ndarray]  # output -> (N,) largest difference of each example
    ranges: dict[str, float]


def verify_parity(
    run: EvaluatedRun,
    file: RuntimeModel,
    truth: Any,
    variant: str,
    precision: str,
    folder: Path,
    allow_loss: float | None = None,
) -> dict[str, Any]:
    """Compare a file with the model it was made from and return what parity.json says.

    Args:
        run: with the Keras model.
        file: the exported file.
        truth: held-out examples with labels.
        variant: of the graph.
        precision: "float32", "float16" or "int8".
        folder: gets a sheet of the examples that differ most.
        allow_loss: bound of the loss instead of the usual one.
    """
    passes = _run_both(run, file, truth, variant)
    output, modality = run.output, run.task.modality
    after, before = (output.weighted_metrics(truth, each) for each in (passes.after, passes.before))
    groups = modality.groups(truth)
    weights = bootstrap_weights(len(truth), output.bootstrap_samples, run.spec.run.seed, groups)
    lower, by_class = output.lower_is_better, output.per_class_metrics
    found = compare(after, before, weights, output.primary_metrics, lower, by_class)
    bound = BOUNDS[precision] if allow_loss is None else allow_loss
    both_ways = precision == "float32" and allow_loss is None
    loss, what = _loss(found["figures"], output, passes, both_ways)
    shares = {name: float(array.max()) for name, array in passes.differences.items()}
    return {
        "passed": bool(loss <= bound),
        "precision": precision,
        "metric": what,
        "loss": loss,
        "allowed_loss": bound,
        "figures": found["figures"],
        "worse": found["worse"],
        "largest_difference": shares,
        "split": truth.split,
        f"n_{modality.unit}": len(truth),
        "worst_examples": _write_worst(run, truth, passes, folder),
    }


def _run_both(run: EvaluatedRun, file: RuntimeModel, truth: Any, variant: str) -> Passes:
    modality, results, outputs = run.task.modality, [], []
    for model in (run.model, file):
        recorder = Recorder(model, keep_inputs=False)
        results.append(modality.predict(recorder, truth, run.output))
        outputs.append(recorder.results)
    passes = 2 if getattr(run.output, "flips", False) else 1  # each batch once more, mirrored
    rows = np.asarray(modality.feeding_order(run.model, truth, run.output))
    parts: dict[str, list[np.ndarray]] = {}
    ends: dict[str, list[float]] = {}
    for pair in zip(
        *(batches[::passes] for batches in outputs), strict=True
    ):  # texts: each batch has its length
        wanted, found = (_comparable(run, np.asarray(array), variant) for array in pair)
        for name, array in wanted.items():
            apart = np.abs(array.astype(np.float64) - found[name])
            parts.setdefault(name, []).append(apart.reshape(len(apart), -1).max(axis=1))
            ends.setdefault(name, []).extend((float(array.min()), float(array.max())))
    differences = {name: np.zeros(len(truth)) for name in parts}
    for name, each in parts.items():  # of an example that is fed in several windows the largest
        np.maximum.at(differences[name], rows, np.concatenate(each))
    ranges = {name: max(each) - min(each) for name, each in ends.items()}
    return Passes(results[0], results[1], differences, ranges)


def _comparable(run: EvaluatedRun, outputs: np.ndarray, variant: str) -> dict[str, np.ndarray]:
    # What may be compared number by number. After NMS only the scores, sorted: equal ones may change places.
    if variant == graphs.PLAIN:
        return {"outputs": outputs}
    if variant == graphs.NMS:
        scores = [each[1] for each in decode_detections(outputs)]
        return {"scores": np.stack([np.pad(row, (0, 100 - len(row))) for row in scores])}
    return {"boxes": outputs[..., :4], "scores": 1 / (1 + np.exp(-np.clip(outputs[..., 4:], -60, 60)))}


def _loss(
    figures: dict[str, dict[str, Any]], output: Any, passes: Passes, both_ways: bool
) -> tuple[float, str]:
    # Of the main metric; errors in units are compared as shares. Without one, the outputs are what can be compared.
    name = next((each for each in output.primary_metrics if each in figures), "")
    row = figures.get(name, {})
    if row.get("difference") is None:
        shares = [np.mean(passes.differences[n]) / max(passes.ranges[n], 1e-9) for n in passes.ranges]
        return float(max(shares)), "mean difference of outputs, as a share of their range"
    if better_when_lower(name, output.lower_is_better):
        loss, name = row["difference"] / max(abs(row["other"]), 1e-9), f"{name}, relative"
    else:
        loss = -row["difference"]
    return float(abs(loss) if both_ways else loss), name


def _write_worst(run: EvaluatedRun, truth: Any, passes: Passes, folder: Path) -> list[dict[str, Any]]:
    scaled = [passes.differences[n] / max(passes.ranges[n], 1e-9) for n in passes.ranges]
    order = np.argsort(-np.max(scaled, axis=0), kind="stable")[:WORST].tolist()
    examples = run.task.modality.select(truth, order).examples
    rows = [
        {
            "name": str(getattr(example, "name", example)),
            **{n: float(a[i]) for n, a in passes.differences.items()},
        }
        for i, example in zip(order, examples, strict=True)
    ]
    _draw(run, examples, [passes.before[i] for i in order], [passes.after[i] for i in order], folder)
    return rows


def _draw(
    run: EvaluatedRun, examples: Sequence[Any], before: list[Any], after: list[Any], folder: Path
) -> None:
    from PIL import Image

    from cityzoo.visualize.sheets import image_grid

    shown, captions = [], []
    for example, *pair in zip(examples, before, after, strict=True):
        for title, result in zip(("Keras", "exported file"), pair, strict=True):
            image = run.task.modality.render(run.output, example, result)
            if image is None:
                return
            shown.append(image)
            captions.append(f"{title}: {Path(example.path).name}")
    sheet = image_grid(shown, 2, (260, 400), captions)
    Image.fromarray(sheet).save(folder / SHEET)


def verdict_line(parity: dict[str, Any], unit: str) -> str:
    """Return what the console says of a comparison.

    Example:
        >>> row = {"this": 0.5, "other": 0.52, "difference": -0.02, "low": -0.03, "high": -0.01}
        >>> found = {"passed": False, "metric": "AP", "loss": 0.02, "allowed_loss": 0.01, "figures": {"AP": row}}
        >>> verdict_line(found | {"precision": "int8", "n_images": 9}, "images")
        'REFUSED: int8 on 9 images: AP 0.5200 -> 0.5000 (-0.0200, 95 % interval -0.0300 to -0.0100), allowed loss 0.01'
    """
    said = "passed" if parity["passed"] else "REFUSED"
    row = parity["figures"].get(parity["metric"].partition(",")[0], {})
    if row.get("difference") is None:
        numbers = f"{parity['metric']} {parity['loss']:.2g}"
    else:
        numbers = f"{parity['metric']} {row['other']:.4f} -> {row['this']:.4f} ({row['difference']:+.4f}"
        known = row["low"] is not None
        numbers += f", 95 % interval {row['low']:+.4f} to {row['high']:+.4f})" if known else ")"
    count = parity[f"n_{unit}"]
    return (
        f"{said}: {parity['precision']} on {count} {unit}: {numbers}, allowed loss {parity['allowed_loss']:g}"
    )


def held_out(run: EvaluatedRun, truth: Any, limit: int | None) -> Any:
    """Return the examples to compare on: all of them, or some spread over them."""
    from cityzoo.export.calibration import spread_rows

    rows = spread_rows(len(truth), limit or len(truth))
    return truth if len(rows) == len(truth) else replace(run.task.modality.select(truth, rows))
