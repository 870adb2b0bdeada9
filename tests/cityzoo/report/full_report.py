"""Made-up but complete reports: of a detector and of a classifier, with every section that a page can show."""

import numpy as np

from cityzoo.metrics.coco import SUMMARY

STREET = ("car", "<bus>", "van/suv 1.5", "motorbike")
STATES = ("free", "dense", "jam", "no view")
CORRUPTIONS = ("fog", "rain", "snow", "night", "motion blur", "JPEG", "noise", "lens dirt", "glare")
ERRORS = ("classification", "localisation", "both", "duplicate", "background", "missed")
RATES = ("false_positive_rate", "true_positive_rate")
STRENGTHS = [0.2, 0.4, 0.6, 0.8, 1.0]


def detection_report():
    """A detector's, with classes whose names are hard to write down."""
    numbers = {name: round(0.4321 + 0.017 * i, 6) for i, name in enumerate(SUMMARY)}
    said = dict.fromkeys([*STREET, "background"], 0)
    return {
        **_facts("vehicle_detect", "vgg16", _boxes_by_split()),
        **numbers,
        "AP_small": None,
        "per_class": {
            name: {"AP": 0.5 - i / 10, "AP50": 0.75 - i / 9, "AR": 0.6 - i / 11}
            | {"n_boxes": 1200 // (i * i * 7 + 1)}
            for i, name in enumerate(STREET)
        },
        "operating_point": {"score": 0.375, "precision": 0.81, "recall": 0.72, "f1": 0.7624},
        "before": {**dict.fromkeys(SUMMARY, 0.0123), "AP_small": None},
        **{"n_boxes": 1234, "n_detections": 4100},
        **_judged("AP", ("AP", "AP50", "AP75"), numbers),
        "curves": {"precision_recall": _precision_recall(STREET), "f1": _f1((*STREET, "all classes"))},
        "confusion": {
            true: {**said, true: 90 - 20 * i, "background": 12 + i, "car": 90 if i == 0 else 3 * i}
            for i, true in enumerate((*STREET, "background"))
        },
        "errors": {name: {"n": 40 - 6 * i, "AP50_lost": 0.08 / (i + 1)} for i, name in enumerate(ERRORS)},
        "thresholds": {
            "9 of 10 reports right": _threshold(0.52, 0.9, 0.55, 81.2),
            "100 false alarms in 1,000 frames": _threshold(0.61, 0.94, 0.41, 99.3),
        },
        "rules": {
            **{"score": 0.375, "detections": 411, "labels": 4, "boxes": 1234, "without_rules": 3},
            "violations": {name: {"place": 7 - i, "height": i, "right": 1} for i, name in enumerate(STREET)},
            "filtered": {"AP": _compared(0.4451, 0.4321)},
        },
        "robustness": _robustness("AP"),
        "interventions": {
            **{"n": 60, "score": 0.531, "tested": 24, "flagged": ["row 1, column 4, masked: car"]},
            "changes": {
                name: {"before": 0.53, "after": 0.5 - i / 10, "fall": 0.03 + i / 10, "control": 0.011}
                | {"reliance": 0.019 + i / 10, "low": -0.02 + i / 10, "high": 0.05 + i / 10, "n": 59 - i}
                | {"matters": i > 0, "flagged": False}
                for i, name in enumerate(("background swapped", "object removed"))
            },
            "places": [
                {"place": "row 1, column 4, masked", "class": "car", "reliance": 0.21, "low": 0.08, "n": 33}
                | {"flagged": True}
            ],
            "left_out": None,
        },
        "explanations": {
            "images": [
                {"path": f"val/{i}.jpg", "answer": "car", "value": 0.91, "truth": "car"}
                | {"covered": 0.1 * i, "agreement": 0.7}
                for i in range(3)
            ],
            "sanity": {"head": 0.31, "all": 0.08, "passed": True, "in_box": 0.62, "in_box_random": 0.2},
            **{"method": "HiResCAM of the logit that the box was decoded from", "level": "P3+P4"},
        },
    }


def classification_report():
    """A classifier's that was judged on other images than its training held out, from random weights."""
    numbers = {"balanced_accuracy": 0.812, "accuracy": 0.845, "macro_f1": 0.79, "mean_auroc": 0.961}
    numbers["loss"] = 0.4321
    facts = _facts("traffic_state", "mobilenet_075", _labels_by_split())
    rows = {
        name: {"n": 60 - 17 * i, "precision": 0.9 - i / 20, "recall": 0.88 - i / 15, "f1": 0.89 - i / 18}
        | {"auroc": 0.99 - i / 50, "ap": 0.95 - i / 20}
        for i, name in enumerate(STATES)
    }
    edges = np.linspace(0, 1, 11)
    return {
        **facts,
        **numbers,
        "before": None,
        "data": "other_camera",
        "weights": {"kind": "random", "sha256": None, "path": None, "note": "asked for"},
        "warnings": ["trained from RANDOM backbone weights, results are far below what pretrained ones give"],
        "per_class": rows,
        "confusion": {
            t: {s: 50 - 14 * i if t == s else (i + 2 * j) % 5 for j, s in enumerate(STATES)}
            for i, t in enumerate(STATES)
        },
        "top_k": {"2": 0.93, "3": 0.99},
        "classification_report": {
            **{
                n: {
                    "precision": r["precision"],
                    "recall": r["recall"],
                    "f1-score": r["f1"],
                    "support": float(r["n"]),
                }
                for n, r in rows.items()
            },
            "accuracy": 0.845,
        },
        **_judged("balanced_accuracy", ("balanced_accuracy", "accuracy", "loss"), numbers),
        "curves": {
            "roc": {
                name: dict(zip(RATES, (edges.tolist(), (edges ** (0.1 + i / 8)).tolist()), strict=True))
                for i, name in enumerate(STATES)
            },
            "precision_recall": _precision_recall(STATES),
        },
        "calibration": {
            **{"ece": 0.083, "ece_scaled": 0.021, "loss": 0.4321, "loss_scaled": 0.39, "temperature": 1.42},
            "bins": {
                "confidence": (edges[3:] - 0.05).tolist(),
                "accuracy": [0.2, 0.31, 0.4, 0.47, 0.58, 0.66, 0.79, 0.93],
                "n": [3, 5, 9, 12, 20, 22, 30, 64],
            },
        },
        "robustness": {
            **_robustness("balanced_accuracy"),
            "attacks": {},
            "attacks_left_out": "no gradients here",
        },
    }


def _compared(this, other):
    change = this - other
    return {"this": this, "other": other, "difference": change, "low": change - 0.01, "high": change + 0.02,
            "verdict": "no clear difference"}  # fmt: skip


def _threshold(score, precision, recall, alarms):
    return {"score": score, "precision": precision, "recall": recall, "false_alarms_per_1000": alarms}


def _precision_recall(names):
    recall = np.linspace(0, 1, 17)
    return {
        name: {
            "recall": recall.tolist(),
            "precision": np.clip(1.05 - recall ** (6 / (i + 1)) - i / 12, 0, 1).tolist(),
        }
        for i, name in enumerate(names)
    }


def _f1(names):
    score = np.linspace(0, 1, 17)
    return {
        name: {"score": score.tolist(), "f1": (score ** (0.2 * i + 0.3) * (1 - score) ** 0.6 * 1.4).tolist()}
        for i, name in enumerate(names)
    }


def _judged(figure, headline, numbers):
    """Intervals, comparisons and slices."""

    def row(key, other, verdict):
        change = numbers[key] - other
        return {"this": numbers[key], "other": other, "difference": change, "low": change - 0.06, "high": change + 0.05,
                "verdict": verdict}  # fmt: skip

    def piece(n, value, reach):
        none = value is None
        return {
            "n": n,
            figure: value,
            "low": None if none else value - reach,
            "high": None if none else value + reach,
        }

    first, second, third = headline
    return {
        "intervals": {key: [numbers[key] - 0.031, numbers[key] + 0.0287] for key in headline},
        "compared": {
            "before fine-tuning": {
                "figures": {first: row(first, 0.0123, "better"), second: row(second, 0.02, "better")},
                "worse": [],
            },
            "runs/older.1/a": {
                "figures": {
                    first: row(first, numbers[first] + 0.02, "no clear difference"),
                    second: row(second, numbers[second] - 0.2, "better"),
                    third: row(third, numbers[third] + 0.3, "worse"),
                },
                "worse": [
                    {"what": "brightness dusk", "this": 0.4, "other": 0.42, "difference": -0.02, "low": -0.07,
                     "high": 0.03, "sure": False},
                    {"what": "class <bus>", "this": 0.3, "other": 0.52, "difference": -0.22, "low": -0.31,
                     "high": -0.12, "sure": True},
                ],
                "note": "It was trained on data of its own.",
            },
        },
        "slices": {
            "brightness": {"day": piece(129, 0.51, 0.04), "night": piece(12, 0.21, 0.13)},
            "scene": {"cam/1 a.b": piece(70, 0.47, 0.05), "cam~2": piece(71, 0.4, 0.05), "3": piece(0, None, 0)},
        },
        "worst_slice": {"by": "brightness", "name": "night", "n": 12, "figure": figure, "value": 0.21, "low": 0.08,
                        "high": 0.34, "overall": numbers[figure]},
    }  # fmt: skip


def _robustness(figure):
    losses = {
        name: [round((i + 1) * s * 0.1 - 0.04, 3) for s in STRENGTHS] for i, name in enumerate(CORRUPTIONS)
    }
    return {
        **{"figure": figure, "lower": False, "n": 100, "clean": 0.438, "strengths": STRENGTHS},
        "corruptions": {
            name: {"values": [0.438 * (1 - x) for x in loss], "relative_loss": loss}
            | {"mean_relative_loss": sum(loss) / 5}
            for name, loss in losses.items()
        },
        **{"mean_corruption_loss": 0.26, "eps_levels": 4.0},
        "attacks": {
            "FGSM": {"value": 0.2, "relative_loss": 0.54},
            "PGD": {"value": 0.05, "relative_loss": 0.886},
        },
        "seconds": {"network": 71.2, "total": 160.0},
    }


def _boxes_by_split():
    rows = {"train": (709, (5683, 1813, 2290, 14)), "val": (141, (486, 156, 160, 7))}
    return {
        split: {"images": n, "without_boxes": 3, "boxes": dict(zip(STREET, boxes, strict=True))}
        for split, (n, boxes) in rows.items()
    }


def _labels_by_split():
    labels = dict(zip(STATES, (60, 43, 26, 9), strict=True))
    return {
        split: {"images": 141, "without_boxes": 141, "boxes": dict.fromkeys(STATES, 0), "labels": labels,
                "without_labels": 3}
        for split in ("train", "val")
    }  # fmt: skip


def _facts(task, backbone, splits):
    return {
        **{"task": task, "backbone": backbone, "split": "val", "n_images": 141, "data": "roads", "seed": 0},
        "findings": {
            "source": "roads",
            "format": "yolo",
            "splits": splits,
            "findings": {"inverted": {"count": 7, "first": ["a.txt:3"]}},
        },
        "warnings": [],
        "weights": {"kind": "imagenet", "sha256": "ab" * 32, "path": "~/.keras/models/vgg16.h5", "note": ""},
        "parameters": {"trainable": 396168, "frozen": 14714688, "total": 15110856},
        **{"epochs": 18, "solved": None, "device": "AMD EPYC, 2 cores", "commit": "0123456789ab"},
        **{"images_per_second": 58.04, "latency_ms": {"batch_1_median": 22.45}},
        "seconds": {"phase 1 training": 300.0, "total": 372.0},
        "versions": {"python": "3.11.7", "keras": "3.15.1"},
        "spec": {
            "run": {"task": task, "backbone": backbone, "data": "roads"},
            "fit": {"learning_rate": 0.002, "batch_size": 16},
            "modality": {"image_size": [256, 256], "classes": [], "val": None, "split_by": "file"},
            "output": {"flips": "yes"},
            "plan": [{"freeze": "backbone", "epochs": 18, "learning_rate": 0.002, "schedule_epochs": 0}],
        },
    }
