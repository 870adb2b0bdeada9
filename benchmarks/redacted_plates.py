"""Recall of redaction on held-out plates, the table of docs/redacting.md: split, train, export, redact.

    python benchmarks/redacted_plates.py license-plate-dataset/ work/ --weights auto

Frames of a video that are less than 25 seconds apart are one scene; of six scenes, three train, one chooses the score,
two are held out. Images are called VIDEO#t=SECOND.jpg, as in https://github.com/RobertLucian/license-plate-dataset.
"""

import argparse
import re
import shutil
import subprocess
import sys
from itertools import groupby
from pathlib import Path

GAP = 25  # seconds
PARTS = ("test", "train", "train", "test", "val", "train")  # of six scenes


def find_scenes(images):
    """Return lists of images, one for each scene.

    Example:
        >>> find_scenes([Path("a#t=9.jpg"), Path("a#t=50.jpg"), Path("a#t=20.jpg"), Path("b#t=21.jpg")])
        [[PosixPath('a#t=9.jpg'), PosixPath('a#t=20.jpg')], [PosixPath('a#t=50.jpg')], [PosixPath('b#t=21.jpg')]]
    """
    named = sorted(
        (match[1], int(match[2]), path) for path in images if (match := re.match(r"(.*)#t=(\d+)", path.name))
    )
    scenes = []
    for _, frames in groupby(named, key=lambda row: row[0]):
        last = None
        for _, second, path in frames:
            if last is None or second - last > GAP:
                scenes.append([])
            scenes[-1].append(path)
            last = second
    return scenes


def split(data, work):
    """Copy images and labels to work/plates (train and val) and work/test."""
    for number, scene in enumerate(find_scenes((data / "train" / "images").iterdir())):
        part = PARTS[number % len(PARTS)]
        folder = work / "test" / "train" if part == "test" else work / "plates" / part
        for image in scene:
            for source in (image, data / "train" / "labels" / f"{image.stem}.txt"):
                (folder / source.parent.name).mkdir(parents=True, exist_ok=True)
                shutil.copy(source, folder / source.parent.name)
    for name, parts in (("plates", ("train", "val")), ("test", ("train",))):
        lines = [f"{part}: {part}/images" for part in parts]
        (work / name / "data.yaml").write_text("\n".join(["path: .", *lines, "names: [plate]", ""]))


def main():
    """Run everything; the last lines are the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path, help="new folder")
    parser.add_argument("--weights", default="auto")
    given = parser.parse_args()
    work = given.work
    split(given.data, work)
    train = "train.py --task vehicle_detect --backbone mobilenet_075 --image-size 544x960 --batch-size 8"
    commands = [
        f"{train} --phases backbone:25,C3:25 --data {work}/plates --weights {given.weights} --out {work}/run",
        f"-m cityzoo export {work}/run --format onnx --out {work}/detector",
        f"-m cityzoo redact {work}/test/train/images --out {work}/covered --no-faces --detector {work}/detector "
        f"--labels {work}/test",
    ]
    for command in commands:
        subprocess.run([sys.executable, *command.split()], check=True)


if __name__ == "__main__":
    main()
