"""The model card of a run: what it is for, what it is not for, and what is known of its limits, in plain sentences."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from cityzoo.evaluation.evaluate import BEFORE
from cityzoo.metrics.keys import look_up
from cityzoo.report.licences import is_drawn, licences
from cityzoo.report.number_format import is_number, named, score, share

FEW = 30  # of a class, below which its figures are mostly chance
TOO_SURE = 1.2  # temperature from which probabilities are said to be so
STREETS = (
    "Images of streets show faces and number plates, which most places' law protects: keep images, cached features "
    "and this page's gallery as such data, and blur them before they are handed on."
)


def model_card(report: Mapping[str, Any], task_summary: str) -> dict[str, list[str]]:
    """Return the card of a model after Mitchell et al. 2019, "Model Cards for Model Reporting" (arXiv 1810.03993).

    Args:
        report: all that is known of the run and its figures; what is absent is not spoken of.
        task_summary: what the task does, as `Task.summary` has it.

    Returns:
        sentences by section: "Intended use", "Not for", "Data", "How it was judged", "Known limits", "Licences".

    Example:
        >>> report = {"weights": {"kind": "random"}, "per_class": {"car": {"n_boxes": 9}}}
        >>> card = model_card(report, "boxes around cars")
        >>> card["Intended use"][0], card["Known limits"][1]
        ('Boxes around cars (car).', 'There is little to judge by of car (9): all that is said of it is mostly chance.')
    """
    sections = {
        "Intended use": _intended(report, task_summary),
        "Not for": _not_for(report),
        "Data": _data(report),
        "How it was judged": _judged(report),
        "Known limits": _limits(report),
        "Licences": licences(look_up(report, "weights"), [_learned_from(report), report.get("data")]),
    }
    return {title: list(sentences) for title, sentences in sections.items()}


def _intended(report: Mapping, summary: str) -> Iterator[str]:
    classes = _class_names(report)
    said = summary[:1].upper() + summary[1:] or str(report.get("task") or "What its figures say")
    yield f"{said} ({', '.join(classes)})." if classes else f"{said}."
    data = _learned_from(report)
    yield (
        f"For images of cameras like those of {data}: the same place and height, similar weather and hours."
        if data
        else "For images of cameras like those that it learned from."
    )


def _not_for(report: Mapping) -> Iterator[str]:
    yield "Not for decisions about single persons, such as fines, and not for telling who somebody is."
    yield "Not where a miss or a false alarm endangers anybody unless a person looks first."
    yield (
        "Not for other cameras, countries or seasons before it was judged on labelled images of them: "
        "python evaluate.py RUN --data IMAGES."
    )
    if look_up(report, "worst_slice/name"):
        yield f"Not without a closer look where it is weakest: {_worst(report)}."


def _data(report: Mapping) -> Iterator[str]:
    learned, judged = _learned_from(report), report.get("data")
    if learned:
        yield f"It learned from {learned}."
    if judged and not _is_own(report):
        yield f"It was judged on other data: {judged}."
    for name, split in (look_up(report, "findings/splits") or {}).items():
        counted = split.get("labels") or split.get("boxes") or {}
        each = ", ".join(f"{label} {number}" for label, number in counted.items())
        yield f"{str(name).capitalize()}: {split.get('images')} images" + (f"; {each}." if each else ".")
    for kind in ("duplicate", "near duplicate", "scene on both sides"):
        number = look_up(report, f"findings/findings/{kind}/count")
        if number:
            yield f"The check found {number} of the kind '{kind}' between train and val: the figures are flattered."
    yield STREETS


def _judged(report: Mapping) -> Iterator[str]:
    split, number = report.get("split"), report.get("n_images")
    if not number:
        yield "On how many images is not known."
    else:
        yield f"On {number} images" + (f", the {split} split." if split else ".")
    if not _is_own(report):
        yield "They are other data than it was trained with: neither weights nor the best epoch were chosen by them."
    elif split in ("train", "all"):
        yield "It learned from them or from a part of them: the figures say how well it remembers."
    elif split and report.get("epochs") == 1:  # a computed head, say: nothing to choose
        yield "They were held out from learning."
    elif split:
        yield (
            "They were held out from learning, but they also chose the best epoch, so that the figures are a little "
            "too good; images that were kept aside give better ones: python evaluate.py RUN --data IMAGES."
        )
    if look_up(report, "spec/split_by") == "file" and not look_up(report, "spec/val") and _is_own(report):
        yield (
            "Where the data brings no val of its own, files were parted, not scenes: frames of one scene may be on "
            "both sides."
        )
    if report.get("intervals"):
        yield "Intervals are 95 % ones, by a bootstrap over images: they tell of chance, not of other cameras."
    if report.get("compared"):
        others = ("itself before fine-tuning" if name == BEFORE else name for name in report["compared"])
        yield f"It was compared, on the same images, with: {', '.join(others)}."


def _limits(report: Mapping) -> Iterator[str]:
    if look_up(report, "weights/kind") == "random":
        yield "It began from random weights, which pretrained ones usually beat by far."
    if look_up(report, "worst_slice/name"):
        yield f"It is weakest on {_worst(report)}."
    if any(is_drawn(source) for source in (_learned_from(report), report.get("data"))):
        yield "It knows drawn images: what it is worth on real cameras has to be seen there first."
    rare = {name: n for name, n in _class_counts(report).items() if n < FEW}
    if rare:
        each = ", ".join(f"{name} ({n})" for name, n in rare.items())
        yield f"There is little to judge by of {each}: all that is said of it is mostly chance."
    yield from _under_stress(report)
    temperature = look_up(report, "calibration/temperature")
    errors = [look_up(report, f"calibration/{name}") for name in ("ece_scaled", "ece")]
    if all(map(is_number, (temperature, *errors))) and temperature > TOO_SURE and errors[0] < errors[1]:
        yield f"Its probabilities are too sure of themselves: divide logits by {temperature:.2f} before you trust them."
    known = "random" if look_up(report, "weights/kind") == "random" else None
    yield from (
        str(each) for each in report.get("warnings") or () if not known or known not in str(each).lower()
    )


def _under_stress(report: Mapping) -> Iterator[str]:
    robustness = report.get("robustness")
    if not robustness:
        yield "How it bears bad weather, dirt and a bad camera was not measured: python evaluate.py RUN --robustness."
        return
    lost, figure = robustness.get("mean_corruption_loss"), named(robustness.get("figure") or "figure")
    losses = {
        name: found.get("mean_relative_loss") for name, found in (robustness.get("corruptions") or {}).items()
    }
    known = {name: loss for name, loss in losses.items() if is_number(loss)}
    if is_number(lost) and known:
        worst = max(known, key=known.get)
        yield (
            f"In bad weather and through bad cameras it loses {share(lost)} of its {figure}, most under {worst} "
            f"({share(known[worst])})."
        )
    for name, found in (robustness.get("attacks") or {}).items():
        if is_number(found.get("relative_loss")):
            lost = share(found["relative_loss"])
            yield f"Changes of pixels that nobody sees ({name}) cost it {lost} of its {figure}."


def _worst(report: Mapping) -> str:
    worst = report["worst_slice"]
    return (
        f"{worst.get('by')} {worst['name']} ({named(worst.get('figure') or 'figure')} {score(worst.get('value'))} on "
        f"{worst.get('n')} images, {score(worst.get('overall'))} on all)"
    )


def _class_counts(report: Mapping) -> dict[str, float]:
    rows = {name: row for name, row in (report.get("per_class") or {}).items() if isinstance(row, Mapping)}
    split = look_up(report, f"findings/splits/{report.get('split')}") or {}
    counts = {name: row.get("n_boxes", row.get("n")) for name, row in rows.items()}
    counts = counts or split.get("labels") or split.get("boxes") or {}
    return {name: n for name, n in counts.items() if is_number(n)}


def _class_names(report: Mapping) -> list[str]:
    splits = look_up(report, "findings/splits") or {}
    first = next(iter(splits.values()), {})
    return list(report.get("per_class") or first.get("labels") or first.get("boxes") or ())


def _learned_from(report: Mapping) -> str | None:
    asked, judged = look_up(report, "spec/data"), report.get("data")
    return asked or (judged if is_drawn(str(judged)) else None)


def _is_own(report: Mapping) -> bool:
    """Tell whether the images that judged a run come from the data it was trained with."""
    learned, judged = _learned_from(report), report.get("data")
    if learned is None or judged is None:
        return learned is None and not judged
    return os.path.abspath(os.path.expanduser(learned)) == os.path.abspath(os.path.expanduser(judged))
