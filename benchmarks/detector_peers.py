"""Train another library's detector on the data of a run, and score it as the run is scored, by pycocotools.

    python benchmarks/detector_peers.py DATA --minutes 15 --out peers/yolo11n

needs `pip install ultralytics pycocotools` in an environment of its own, without TensorFlow, and nothing of cityzoo.
The model starts from its architecture: no weights are downloaded. Minutes are of two idle cores: CPU seconds of the
process and its workers / 120, so that other programs on the machine do not count. `--coco RUN` scores a run of cityzoo
(its truth.json and detections.json) with the same evaluator.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import shutil
from pathlib import Path
from typing import Any

CORES = 2
MARKS = (0.5, 0.6, 0.7)  # AP50 whose minutes are reported
LOWEST_SCORE, NMS_IOU, MOST = 0.001, 0.65, 100  # as cityzoo decodes


def cpu_minutes() -> float:
    """Return minutes of two busy cores that this process and its finished workers have taken."""
    own, workers = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return (own.ru_utime + own.ru_stime + workers.ru_utime + workers.ru_stime) / 60 / CORES


def copied_data(data: Path, folder: Path) -> tuple[Path, list[str]]:
    """Copy a data set in YOLO's layout, since Ultralytics writes into it; return its file and the class names."""
    import yaml

    described = yaml.safe_load((data / "data.yaml").read_text())
    for split in ("train", "val"):
        shutil.copytree(data / split, folder / split, dirs_exist_ok=True)
    described |= {"path": str(folder.resolve()), "train": "train/images", "val": "val/images"}
    (folder / "data.yaml").write_text(yaml.safe_dump(described))
    return folder / "data.yaml", list(described["names"])


def coco_truth(folder: Path, names: list[str]) -> dict[str, Any]:
    """Return the val split of a data set in YOLO's layout as COCO's document."""
    from PIL import Image

    images, annotations = [], []
    for number, path in enumerate(sorted((folder / "val" / "images").iterdir())):
        width, height = Image.open(path).size
        images.append({"id": number, "file_name": path.name, "width": width, "height": height})
        labels = folder / "val" / "labels" / f"{path.stem}.txt"
        for line in labels.read_text().splitlines() if labels.is_file() else ():
            kind, x, y, w, h = map(float, line.split()[:5])
            box = [(x - w / 2) * width, (y - h / 2) * height, w * width, h * height]
            shared = {"id": len(annotations) + 1, "image_id": number, "category_id": int(kind)}
            annotations.append(shared | {"bbox": box, "area": box[2] * box[3], "iscrowd": 0})
    return {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for number, name in enumerate(names)],
    }


def coco_scores(truth: dict[str, Any] | str, found: list[dict[str, Any]] | str) -> dict[str, float]:
    """Return COCO's AP, AP50, AP75 and AP by size, by pycocotools."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    known = COCO(truth if isinstance(truth, str) else None)
    if not isinstance(truth, str):
        known.dataset = truth
        known.createIndex()
    evaluation = COCOeval(known, known.loadRes(found), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    names = ("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large")
    return {name: round(float(value), 4) for name, value in zip(names, evaluation.stats, strict=False)}


def train(options: argparse.Namespace) -> dict[str, Any]:
    """Train, write detections, and return figures and the minutes until each mark of AP50."""
    from ultralytics import YOLO

    out = Path(options.out)
    file, names = copied_data(Path(options.data), out / "data")
    model, rows = YOLO(f"{options.model}.yaml"), []

    def note(trainer: Any) -> None:
        score = trainer.metrics.get("metrics/mAP50(B)", 0.0)
        rows.append({"epoch": trainer.epoch + 1, "minutes": round(cpu_minutes(), 2), "AP50": round(score, 4)})
        if rows[-1]["minutes"] >= options.minutes:
            trainer.stop = True

    model.add_callback("on_fit_epoch_end", note)
    settings = {"imgsz": options.size, "batch": options.batch, "epochs": options.epochs, "seed": options.seed}
    quiet = {"device": "cpu", "plots": False, "workers": 0, "project": str(out.resolve()), "name": "training"}
    model.train(data=str(file), pretrained=False, exist_ok=True, **settings, **quiet)
    minutes, truth = cpu_minutes(), coco_truth(out / "data", names)
    decoding = {"conf": LOWEST_SCORE, "iou": NMS_IOU, "max_det": MOST, "imgsz": options.size}
    found = []
    for image in truth["images"]:
        path = out / "data" / "val" / "images" / image["file_name"]
        boxes = model.predict(str(path), verbose=False, device="cpu", **decoding)[0].boxes
        for (x1, y1, x2, y2), score, kind in zip(
            boxes.xyxy.tolist(), boxes.conf.tolist(), boxes.cls.tolist(), strict=True
        ):
            row = {"image_id": image["id"], "category_id": int(kind), "score": score}
            found.append(row | {"bbox": [x1, y1, x2 - x1, y2 - y1]})
    (out / "truth.json").write_text(json.dumps(truth))
    (out / "detections.json").write_text(json.dumps(found))
    with (out / "history.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    reached = {
        f"minutes to AP50 {mark}": next((row["minutes"] for row in rows if row["AP50"] >= mark), None)
        for mark in MARKS
    }
    return {"minutes": round(minutes, 1), "epochs": len(rows), **reached, **coco_scores(truth, found)}


def main() -> None:
    """Train a peer, or score a run of cityzoo, and print JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", help="data set in YOLO's layout with data.yaml, train and val")
    parser.add_argument("--model", default="yolo11n", help="architecture of Ultralytics")
    parser.add_argument("--size", type=int, default=320, help="input side in pixels")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=60, help="that the schedule spans")
    parser.add_argument("--minutes", type=float, default=15.0, help="stop after the epoch that reaches this")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", default="peers/ultralytics")
    parser.add_argument("--coco", metavar="RUN", help="score this run of cityzoo instead")
    options = parser.parse_args()
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    if options.coco:
        files = (f"{options.coco}/{name}.json" for name in ("truth", "detections"))
        print(json.dumps(coco_scores(*files), indent=2))
        return
    figures = train(options)
    (Path(options.out) / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
