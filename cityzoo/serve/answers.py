"""What a model's outputs mean: names, boxes, probabilities, counts, alarms, forecasts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from cityzoo.data.text.tags import spans_of
from cityzoo.runtime.class_shares import class_shares
from cityzoo.runtime.image_input import boxes_on_image
from cityzoo.runtime.rejection import REFUSED, RejectionRule, read_rule
from cityzoo.serve.examples import Examples
from cityzoo.serve.http_errors import HttpError
from heads.detection_decode import decode_detections
from heads.tagging_decode import decode_tags, tag_names

IOU, MOST, DEFAULT_SCORE = 0.65, 300, 0.3
BLUR_CELLS = 0.8  # of the distances of anomaly detection, as `cityzoo.outputs.anomaly` blurs them
OUTSIDE = "outside"  # the class of what is not answered
Outputs = Mapping[str, np.ndarray]
Threshold = float | None


def kind_of(about: Mapping[str, Any]) -> str:
    """Return what a model answers: "detection", "classification", "counting" ...

    Raises:
        HttpError: 501, its preprocessing.json does not say it.
    """
    kind = about.get("output", "detection" if about["variant"] != "plain" else "")
    if kind not in KINDS:
        raise HttpError(501, "this model has tensors only: use /v2/models/NAME/infer, or export it again")
    return kind


def answer(
    about: Mapping[str, Any], restore: Callable[[Outputs], Any] | None, examples: Examples, outputs: Outputs,
    threshold: Threshold = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Return an answer for each example of a request.

    Args:
        about: the model's preprocessing.json.
        restore: of its `RuntimeModel`.
        examples: the examples.
        outputs: by name, a row for each example.
        threshold: lowest score, 0..1; None: the one of the report.
    """
    make = KINDS[kind_of(about)]
    found = np.asarray(restore(outputs) if restore else next(iter(outputs.values())))
    if examples.owners is not None:
        found = np.stack([found[examples.owners == row].mean(axis=0) for row in np.unique(examples.owners)])
    answers = [make(about, np.asarray(row), examples, place, threshold) for place, row in enumerate(found)]
    notes = examples.notes or [""] * len(answers)
    return [{**each, **({"note": note} if note else {})} for each, note in zip(answers, notes, strict=False)]


def mark_for_review(found: list[dict[str, Any]], least: float | None) -> list[dict[str, Any]]:
    """Return answers with whether a person has to look at them, by their score; those without a score as they are.

    Example:
        >>> mark_for_review([{"class": "bus", "score": 0.6}, {"count": 3}], 0.8)
        [{'class': 'bus', 'score': 0.6, 'needs_review': True}, {'count': 3}]
    """
    if least is None:
        return found
    return [{**each, "needs_review": each["score"] < least} if "score" in each else each for each in found]


def _detection(
    about: Mapping[str, Any], row: np.ndarray, examples: Examples, place: int, threshold: Threshold
) -> dict[str, Any]:
    least = about["thresholds"].get("best F1", DEFAULT_SCORE) if threshold is None else threshold
    ((boxes, scores, labels),) = decode_detections(row[None], max(least, 0.001), IOU, MOST)
    image_hw = examples.sizes_hw[place]
    boxes = boxes_on_image(boxes, examples.matrices[place], image_hw)
    names = about["class_names"]
    return {
        "detections": [
            {"class": names[label], "score": round(float(score), 4), "box": [round(float(x), 1) for x in box]}
            for box, score, label in zip(boxes, scores, labels, strict=True)
        ],
        "threshold": round(float(least), 4),
        "image_size_hw": list(image_hw),
    }


def _classification(
    about: Mapping[str, Any], row: np.ndarray, examples: Examples, place: int, threshold: Threshold
) -> dict[str, Any]:
    shares = class_shares("classification", row[None])[0]
    best = int(shares.argmax())
    return {
        "class": about["class_names"][best],
        "score": round(float(shares[best]), 4),
        **_scores(about, shares),
    }


def _intent(
    about: Mapping[str, Any], row: np.ndarray, examples: Examples, place: int, threshold: Threshold
) -> dict[str, Any]:
    rule = read_rule(about) or RejectionRule("max probability", 0.0)
    if threshold is not None:
        rule = RejectionRule("max probability", threshold, rule.temperature)
    ((label,), (shares,), (score,)) = rule.decide(row[None])
    best = int(shares.argmax())
    return {
        "class": OUTSIDE if label == REFUSED else about["class_names"][best],
        "score": round(float(shares[best]), 4),
        "is_answered": bool(label != REFUSED),
        "nearest": [about["class_names"][each] for each in np.argsort(-shares, kind="stable")[:2]],
        "fit": {"by": rule.score, "value": round(float(score), 4), "threshold": round(rule.threshold, 4)},
        **_scores(about, shares),
    }


def _tagging(
    about: Mapping[str, Any], row: np.ndarray, examples: Examples, place: int, threshold: Threshold
) -> dict[str, Any]:
    text, offsets = examples.texts[place], examples.offsets[place]
    tags, shares = decode_tags(row, examples.starts[place].tolist())
    names, found = tag_names(about["class_names"]), []
    least = 0.0 if threshold is None else threshold
    for span in spans_of([names[tag] for tag in tags]):
        start, end = offsets[span.start][0], offsets[span.end - 1][1]
        score = round(float(shares[span.start : span.end].min()), 4)
        if score >= least:
            found.append(
                {"class": span.type, "score": score, "start": start, "end": end, "text": text[start:end]}
            )
    return {"entities": found, "threshold": least}


def _multilabel(
    about: Mapping[str, Any], row: np.ndarray, examples: Examples, place: int, threshold: Threshold
) -> dict[str, Any]:
    shares = class_shares("multilabel", row[None])[0]
    least = 0.5 if threshold is None else threshold
    scores = _scores(about, shares)
    found = [{"class": name, "score": score} for name, score in scores["scores"].items() if score >= least]
    return {"classes": found, "threshold": least, **scores}


def _scores(about: Mapping[str, Any], shares: np.ndarray) -> dict[str, Any]:
    scores = {name: round(float(share), 4) for name, share in zip(about["class_names"], shares, strict=True)}
    limits = {name: about["thresholds"].get(f"alarm: {name}") for name in scores}
    alarms = [name for name, least in limits.items() if least is not None and scores[name] >= least]
    return {"scores": scores, **({"alarms": alarms} if any(x is not None for x in limits.values()) else {})}


def _counting(
    about: Mapping[str, Any], row: np.ndarray, examples: Examples, place: int, threshold: Threshold
) -> dict[str, Any]:
    return {"count": round(float(row.sum()), 2)}


def _anomaly(
    about: Mapping[str, Any], row: np.ndarray, examples: Examples, place: int, threshold: Threshold
) -> dict[str, Any]:
    import cv2

    heat = cv2.GaussianBlur(
        row[..., 0].astype(np.float32), (0, 0), BLUR_CELLS, borderType=cv2.BORDER_REPLICATE
    )
    score = float(heat.max())
    least = about["thresholds"].get("alarm") if threshold is None else threshold
    return {"score": round(score, 4), "threshold": least, "alarm": least is not None and score >= least}


def _forecast(
    about: Mapping[str, Any], row: np.ndarray, examples: Examples, place: int, threshold: Threshold
) -> dict[str, Any]:
    series = about["series"]
    first = examples.times[place]
    step = timedelta(seconds=series["step_seconds"])
    quantiles = [f"{quantile:g}" for quantile in series["quantiles"]]
    values = np.round(row.astype(np.float64), 3)
    forecast = {
        sensor: {name: values[:, i, j].tolist() for j, name in enumerate(quantiles)}
        for i, sensor in enumerate(series["sensors"])
    }
    times = [_text(first + step * (n + 1)) for n in range(len(values))]
    return {
        "times": times,
        "forecast": forecast,
        "channel": series["channels"][0],
        "unit": series["units"][0],
    }


def _text(time: datetime) -> str:
    return time.isoformat()


KINDS: dict[str, Callable[..., dict[str, Any]]] = {
    "detection": _detection,
    "classification": _classification,
    "intent": _intent,
    "tagging": _tagging,
    "multilabel": _multilabel,
    "counting": _counting,
    "anomaly": _anomaly,
    "forecast": _forecast,
}
