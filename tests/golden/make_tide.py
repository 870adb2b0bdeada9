"""Write tide.json: small sets of boxes and what TIDE's own tool, tidecv 1.0.1, says of their errors.

It gets an environment of its own, here next to the repository:

    python3 -m venv ../tide
    ../tide/bin/pip install "tidecv==1.0.1"
    ../tide/bin/python tests/golden/make_tide.py

The file is a list of cases: `id`, `n_classes`, `images` (`truth`: rows x1, y1, x2, y2, class; `found`: rows x1, y1,
x2, y2, class, score), `ap50` and `errors` (kind -> `n`, `lost`), both in per cent as the tool has them. A second run
writes the same bytes.
"""

import json
from pathlib import Path

import numpy as np
from tidecv import TIDE, Data
from tidecv.errors import main_errors

FILE = Path(__file__).with_name("tide.json")
KINDS = {
    "classification": main_errors.ClassError,
    "localisation": main_errors.BoxError,
    "both": main_errors.OtherError,
    "duplicate": main_errors.DuplicateError,
    "background": main_errors.BackgroundError,
    "missed": main_errors.MissedError,
}


def boxes(rng, n, side):
    """Return (n, 4) whole pixels within a square of a side."""
    corner, size = rng.integers(0, side, (n, 2)), rng.integers(8, 50, (n, 2))
    return np.concatenate([corner, corner + size], axis=1)


def case(label, seed, n_images, n_boxes, n_classes=3, side=160, shift=5, sure=0.7, unseen=(), unnamed=()):
    """Return a case: boxes with detections on them, more or less shifted and named right, and some anywhere.

    Args:
        shift: standard deviation in pixels.
        sure: share of the detections on a box that name it right.
        unseen: classes that are never found, nor said.
        unnamed: classes that have no boxes, but are said.
    """
    rng, images = np.random.default_rng(seed), []
    classes = [c for c in range(n_classes) if c not in unnamed]
    for _ in range(n_images):
        n = int(rng.integers(0, n_boxes + 1))
        known, labels = boxes(rng, n, side), rng.choice(classes, n)
        copies = rng.integers(0, 4, n)
        near = np.repeat(known, copies, axis=0) + np.rint(rng.normal(0, shift, (copies.sum(), 4))).astype(int)
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 2)
        said = np.where(
            rng.random(len(near)) < sure, np.repeat(labels, copies), rng.integers(0, n_classes, len(near))
        )
        extra = boxes(rng, int(rng.integers(0, 6)), side)
        found = np.concatenate([near, extra])
        said = np.concatenate([said, rng.integers(0, n_classes, len(extra))])
        kept = ~np.isin(said, unseen)
        images.append((known, labels, found[kept], said[kept]))
    total = sum(len(found) for _, _, found, _ in images)
    scores = iter(rng.permutation(total) / 1024)  # no two the same
    rows = [
        {
            "truth": np.column_stack([known, labels]).tolist(),
            "found": sorted(
                (
                    [*box, label, next(scores)]
                    for box, label in zip(found.tolist(), said.tolist(), strict=True)
                ),
                key=lambda row: -row[-1],
            ),
        }
        for known, labels, found, said in images
    ]
    return {"id": label, "n_classes": n_classes, "images": rows}


def measured(case):
    """Return what the tool says of a case."""
    truth, found = Data("truth"), Data("found")
    for number, image in enumerate(case["images"]):
        for data in (truth, found):
            data.add_image(number, str(number))
        for x1, y1, x2, y2, label in image["truth"]:
            truth.add_ground_truth(number, label, [float(x) for x in (x1, y1, x2 - x1, y2 - y1)])
        for x1, y1, x2, y2, label, score in image["found"]:
            found.add_detection(number, label, score, [float(x) for x in (x1, y1, x2 - x1, y2 - y1)])
    run = TIDE().evaluate(truth, found, mode=TIDE.BOX)
    counts, lost = run.count_errors(), run.fix_main_errors()
    errors = {name: {"n": counts[kind], "lost": float(lost[kind])} for name, kind in KINDS.items()}
    return {**case, "ap50": float(run.ap), "errors": errors}


if __name__ == "__main__":
    cases = [
        case("one class", 0, 8, 4, n_classes=1),
        case("three classes", 1, 12, 5),
        case("shifted", 2, 10, 5, shift=11),
        case("named wrongly", 3, 10, 5, sure=0.1),
        case("crowded", 4, 4, 16, side=60),
        case("a class never found", 5, 8, 4, unseen=(1,)),
        case("a class without boxes", 6, 8, 4, unnamed=(2,)),
    ]
    FILE.write_text(json.dumps([measured(each) for each in cases], separators=(",", ":")) + "\n")
