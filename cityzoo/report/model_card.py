"""Model card of a run: intended use, data, evaluation and known limits, in plain sentences."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cityzoo.evaluation.evaluate import BEFORE
from cityzoo.metrics.keys import look_up
from cityzoo.report.licenses import is_synthetic, license_sentences
from cityzoo.report.number_format import format_score, format_share, is_number, metric_label

FEW = 30  # examples of a class, below which its metrics are mostly noise
LISTED = 20  # classes
OVERCONFIDENT = 1.2  # temperature from which probabilities count as overconfident
STREETS = (
    "Street images show faces and license plates, which are personal data in most jurisdictions: protect images, "
    "cached features and the examples on this page accordingly, and blur images before sharing them."
)


def model_card(report: Mapping[str, Any], task_summary: str) -> dict[str, list[str]]:
    """Return the model card after Mitchell et al. 2019, "Model Cards for Model Reporting" (arXiv 1810.03993).

    Args:
        report: contents of report.json; sentences about missing keys are left out.
        task_summary: what the task does, see `Task.summary`.

    Returns:
        sentences by section: "Intended use", "Not for", "Data", "Evaluation", "Known limits", "Licenses".

    Example:
        >>> report = {"weights": {"kind": "random"}, "per_class": {"car": {"n_boxes": 9}}}
        >>> card = model_card(report, "boxes around cars")
        >>> card["Intended use"][0], card["Known limits"][1]
        ('Boxes around cars (car).', 'Too few examples of car (9): its metrics are mostly noise.')
    """
    sections = {
        "Intended use": _intended(report, task_summary),
        "Not for": _not_for(report),
        "Data": _data(report),
        "Evaluation": _evaluation(report),
        "Known limits": _limits(report),
        "Licenses": license_sentences(look_up(report, "weights"), [_train_data(report), report.get("data")]),
    }
    return {title: list(sentences) for title, sentences in sections.items()}


def _list_first(names: Sequence[str]) -> str:
    """Return names as a list, of many the first ones."""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def _intended(report: Mapping[str, Any], summary: str) -> Iterator[str]:
    classes = _class_names(report)
    use = summary[:1].upper() + summary[1:] or str(report.get("task") or "Unknown task")
    yield f"{use} ({_list_first(classes)})." if classes else f"{use}."
    data = _train_data(report)
    if not _has_images(report):
        yield f"For {_unit(report)} like those of {data or 'its training data'}."
    elif data:
        yield f"For cameras like those of {data}: similar position and height, weather and time of day."
    else:
        yield "For cameras like those of its training images."


def _not_for(report: Mapping[str, Any]) -> Iterator[str]:
    yield "Not for decisions about individuals, such as fines, and not for identifying people."
    yield "Not for safety-critical use without human review."
    others = "cameras, countries or seasons" if _has_images(report) else "sources"
    yield (
        f"Not for other {others} until it is evaluated on labeled {_unit(report)} of them: "
        f"python evaluate.py RUN --data {_unit(report).upper()}."
    )
    if look_up(report, "worst_slice/name"):
        yield f"Needs a closer look where it is weakest: {_worst(report)}."


def _data(report: Mapping[str, Any]) -> Iterator[str]:
    trained, evaluated = _train_data(report), report.get("data")
    if trained:
        yield f"Trained on {trained}."
    yield from teacher_sentences(report)
    if pruning := report.get("pruning"):
        before, after = pruning["parameters"]
        yield (
            f"Pruned before fine-tuning: {after:,} of {before:,} parameters, {pruning['latency_share']:.2f} of the "
            "latency of one example."
        )
    if evaluated and not _is_own(report):
        yield f"Evaluated on other data: {evaluated}."
    for name, split in (look_up(report, "findings/splits") or {}).items():
        counted = split.get("labels") or split.get("boxes") or {}
        each = ", ".join(f"{label} {number}" for label, number in counted.items())
        yield f"{str(name).capitalize()}: {split.get(_unit(report))} {_unit(report)}" + (
            f"; {each}." if each else "."
        )
    for kind in ("duplicate", "near duplicate", "scene on both sides"):
        number = look_up(report, f"findings/findings/{kind}/count")
        if number:
            yield f"The data check found {number} x '{kind}' between train and val: metrics are too optimistic."
    if _has_images(report):
        yield STREETS


def teacher_sentences(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence on the run whose answers the model learned; nothing without a teacher.

    Example:
        >>> teacher = {"run": "runs/large", "sha256": "ab" * 32, "backbone": "resnet50", "metrics": {"AP": 0.41}}
        >>> next(teacher_sentences({"teacher": teacher}))
        'Student of runs/large (resnet50, AP 0.410, sha256 abababababab): it learned its answers, mistakes included.'
    """
    teacher = report.get("teacher")
    if teacher:
        name, value = next(iter(teacher["metrics"].items()), ("", None))
        known = [teacher.get("backbone"), name and f"{name} {format_score(value)}"]
        facts = ", ".join([*filter(None, known), f"sha256 {teacher['sha256'][:12]}"])
        yield f"Student of {teacher['run']} ({facts}): it learned its answers, mistakes included."


def _evaluation(report: Mapping[str, Any]) -> Iterator[str]:
    split, number = report.get("split"), report.get(f"n_{_unit(report)}")
    if not number:
        yield f"The number of {_unit(report)} is unknown."
    else:
        yield f"On {number} {_unit(report)}" + (f" of the {split} split." if split else ".")
    if not _is_own(report):
        yield "They are not from the training data: neither weights nor the best epoch were selected on them."
    elif split in ("train", "all"):
        yield f"All or some of them are training {_unit(report)}: metrics show how well it memorizes."
    elif split and report.get("epochs") == 1:  # such as a closed-form head: nothing to select
        yield "They were held out from training."
    elif split:
        yield (
            "They were held out from training, but the best epoch was selected on them, so metrics are slightly "
            f"optimistic. Use further {_unit(report)} for an unbiased estimate: python evaluate.py RUN --data "
            f"{_unit(report).upper()}."
        )
    settings = look_up(report, "spec/modality") or {}
    if settings.get("split_by") == "file" and not settings.get("val") and _is_own(report):
        yield (
            "Data without a val split was split by file, not by scene: frames of one scene can be in both splits."
        )
    if report.get("intervals"):
        others = "cameras" if _has_images(report) else "sources"
        yield f"Intervals are 95 % bootstrap intervals over {_unit(report)}: they do not cover other {others}."
    if report.get("compared"):
        models = ("the model before fine-tuning" if name == BEFORE else name for name in report["compared"])
        yield f"Compared on the same {_unit(report)} with: {', '.join(models)}."


def _limits(report: Mapping[str, Any]) -> Iterator[str]:
    if look_up(report, "weights/kind") == "random":
        yield "Trained from random weights: pretrained ones are usually far better."
    if look_up(report, "worst_slice/name"):
        yield f"Weakest slice: {_worst(report)}."
    if any(is_synthetic(source) for source in (_train_data(report), report.get("data"))):
        yield "Trained or evaluated on synthetic images: performance on real cameras is unknown."
    rare = {name: n for name, n in _class_counts(report).items() if n < FEW}
    if rare:
        each = _list_first([f"{name} ({n})" for name, n in sorted(rare.items(), key=lambda item: item[1])])
        yield f"Too few examples of {each}: its metrics are mostly noise."
    yield from _robustness(report)
    if flagged := look_up(report, "interventions/flagged"):
        yield f"Its answers depend on what should not matter: {_list_first(list(flagged))}."
    temperature = look_up(report, "calibration/temperature")
    errors = [look_up(report, f"calibration/{name}") for name in ("ece_scaled", "ece")]
    if all(map(is_number, (temperature, *errors))) and temperature > OVERCONFIDENT and errors[0] < errors[1]:
        yield f"Its probabilities are overconfident: divide logits by {temperature:.2f} to calibrate them."
    known = "random" if look_up(report, "weights/kind") == "random" else None
    yield from (
        str(each) for each in report.get("warnings") or () if not known or known not in str(each).lower()
    )


def _robustness(report: Mapping[str, Any]) -> Iterator[str]:
    robustness = report.get("robustness")
    if not robustness and not _has_images(report):
        return
    if not robustness:
        yield "Robustness to weather, dirt and camera faults was not measured: python evaluate.py RUN --robustness."
        return
    lost, metric = robustness.get("mean_corruption_loss"), metric_label(robustness.get("figure") or "metric")
    losses = {
        name: found.get("mean_relative_loss") for name, found in (robustness.get("corruptions") or {}).items()
    }
    known = {name: loss for name, loss in losses.items() if is_number(loss)}
    if is_number(lost) and known:
        worst = max(known, key=lambda name: known[name])
        yield (
            f"In bad weather and with camera faults it loses {format_share(lost)} of its {metric} on average, most "
            f"under {worst} ({format_share(known[worst])})."
        )
    for name, found in (robustness.get("attacks") or {}).items():
        if is_number(found.get("relative_loss")):
            lost = format_share(found["relative_loss"])
            yield f"Adversarial perturbations too small to see ({name}) cost it {lost} of its {metric}."


def _worst(report: Mapping[str, Any]) -> str:
    worst = report["worst_slice"]
    metric, overall = metric_label(worst.get("figure") or "metric"), format_score(worst.get("overall"))
    return (
        f"{worst.get('by')} {worst['name']} ({metric} {format_score(worst.get('value'))} on {worst.get('n')} "
        f"{_unit(report)}, {overall} on all)"
    )


def _class_counts(report: Mapping[str, Any]) -> dict[str, float]:
    rows = {name: row for name, row in (report.get("per_class") or {}).items() if isinstance(row, Mapping)}
    split = look_up(report, f"findings/splits/{report.get('split')}") or {}
    counts = {name: row.get("n_boxes", row.get("n")) for name, row in rows.items()}
    counts = counts or split.get("labels") or split.get("boxes") or {}
    return {name: n for name, n in counts.items() if is_number(n)}


def _class_names(report: Mapping[str, Any]) -> list[str]:
    splits = look_up(report, "findings/splits") or {}
    first: Mapping[str, Any] = next(iter(splits.values()), {})
    return list(report.get("per_class") or first.get("labels") or first.get("boxes") or ())


def _train_data(report: Mapping[str, Any]) -> str | None:
    trained, evaluated = look_up(report, "spec/run/data"), report.get("data")
    return trained or (evaluated if is_synthetic(str(evaluated)) else None)


def _unit(report: Mapping[str, Any]) -> str:
    return str(report.get("examples", "images"))


def _has_images(report: Mapping[str, Any]) -> bool:
    return _unit(report) == "images"


def _is_own(report: Mapping[str, Any]) -> bool:
    """Return whether the evaluated images come from the training data."""
    trained, evaluated = _train_data(report), report.get("data")
    if trained is None or evaluated is None:
        return trained is None and not evaluated
    return os.path.abspath(os.path.expanduser(trained)) == os.path.abspath(os.path.expanduser(evaluated))
