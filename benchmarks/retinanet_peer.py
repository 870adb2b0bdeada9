"""Train torchvision's RetinaNet on a data set in YOLO's layout, score it by pycocotools, and write it as ONNX.

    python benchmarks/retinanet_peer.py DATA --minutes 15 --out peers/retinanet

needs `pip install torchvision pycocotools onnx` in an environment of its own, without TensorFlow. It starts from random
numbers: no weights are downloaded. Settings are those of torchvision's reference: AdamW, rate 0.0001, flips. Minutes
are CPU seconds of the process / 120, as in detector_peers.py.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.detector_peers import LOWEST_SCORE, MOST, NMS_IOU, coco_scores, coco_truth, cpu_minutes

RATE, BATCH = 1e-4, 16


def read_examples(data: Path, split: str) -> list[tuple[Path, dict[str, Any]]]:
    """Return image files, with boxes in pixels and labels from 1 on."""
    import torch
    from PIL import Image

    examples = []
    for path in sorted((data / split / "images").iterdir()):
        width, height = Image.open(path).size
        labels = data / split / "labels" / f"{path.stem}.txt"
        rows = [
            list(map(float, line.split()[:5])) for line in labels.read_text().splitlines() if line.strip()
        ]
        numbers = torch.tensor(rows).reshape(-1, 5)
        center, half = numbers[:, 1:3], numbers[:, 3:5] / 2
        scale = torch.tensor([width, height, width, height])
        target = {
            "boxes": torch.cat([center - half, center + half], 1) * scale,
            "labels": numbers[:, 0].long() + 1,
        }
        kept = (half > 0).all(1)
        examples.append((path, {key: value[kept] for key, value in target.items()}))
    return examples


def load_image(path: Path) -> Any:
    """Return an image as (3, h, w) float32 in 0..1."""
    from torchvision.io import decode_image

    return decode_image(str(path), mode="RGB").float() / 255


def train(model: Any, examples: list[tuple[Path, dict[str, Any]]], minutes: float) -> tuple[int, list[float]]:
    """Train until the time is over; return the number of steps and the loss of each."""
    import torch

    optimizer, losses = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.05), []
    order = torch.Generator().manual_seed(0)
    model.train()
    while True:
        rows = torch.randperm(len(examples), generator=order).tolist()
        for first in range(0, len(rows) - BATCH + 1, BATCH):
            images, targets = [], []
            for row in rows[first : first + BATCH]:
                path, target = examples[row]
                image, boxes = load_image(path), target["boxes"].clone()
                if torch.rand(1, generator=order) < 0.5:
                    image, boxes[:, [0, 2]] = image.flip(-1), image.shape[-1] - boxes[:, [2, 0]]
                images.append(image)
                targets.append({"boxes": boxes, "labels": target["labels"]})
            loss = sum(model(images, targets).values())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss))
            if cpu_minutes() >= minutes:
                return len(losses), losses


def detect(model: Any, data: Path, truth: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the detections of the held-out images as COCO's document."""
    import torch

    model.eval()
    found = []
    with torch.inference_mode():
        for image in truth["images"]:
            (result,) = model([load_image(data / "val" / "images" / image["file_name"])])
            rows = zip(*(result[key].tolist() for key in ("boxes", "scores", "labels")), strict=True)
            for (x1, y1, x2, y2), score, label in rows:
                row = {"image_id": image["id"], "category_id": label - 1, "score": score}
                found.append(row | {"bbox": [x1, y1, x2 - x1, y2 - y1]})
    return found


def main() -> None:
    """Train, score and export."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--out", type=Path, default=Path("peers/retinanet"))
    given = parser.parse_args()
    import torch
    import yaml
    from torchvision.models.detection import retinanet_resnet50_fpn_v2

    torch.manual_seed(0)
    names = list(yaml.safe_load((given.data / "data.yaml").read_text())["names"])
    model = retinanet_resnet50_fpn_v2(
        weights=None,
        weights_backbone=None,
        num_classes=len(names) + 1,
        min_size=given.size,
        max_size=given.size,
        score_thresh=LOWEST_SCORE,
        nms_thresh=NMS_IOU,
        detections_per_img=MOST,
    )
    steps, losses = train(model, read_examples(given.data, "train"), given.minutes)
    figures = {"minutes": round(cpu_minutes(), 1), "steps": steps, "last_loss": round(losses[-1], 3)}
    truth = coco_truth(given.data, names)
    figures |= coco_scores(truth, detect(model, given.data, truth))
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")
    image = ([torch.rand(3, given.size, given.size)],)
    torch.onnx.export(model, image, str(given.out / "retinanet.onnx"), opset_version=17, dynamo=False)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
