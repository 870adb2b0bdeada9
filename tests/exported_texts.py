"""Runs of texts on a tiny encoder and on TF-IDF, trained once, and their exported folders."""

import csv
import random

from tests.cityzoo.series_town import run_train
from tests.tiny_encoder import write_encoder

WORDS = {
    "light": "lamp light dark broken night bridge",
    "parking": "permit parking car pay ticket fee",
    "waste": "bin garbage rubbish missed smell bag",
}
FILLER = ["the", "my", "in", "is", "not", "please", "help", "street", "now", "a"]


def sentences(count, seed):
    """Yield texts with words of their class, two to nine of them, and labels."""
    rng = random.Random(seed)
    for number in range(count):
        name = list(WORDS)[number % 3]
        words = rng.sample(WORDS[name].split(), rng.randint(1, 4)) + rng.sample(FILLER, rng.randint(1, 5))
        rng.shuffle(words)
        yield " ".join(words), name


def write_texts(folder, **counts):
    """Write SPLIT.csv with texts and labels."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (split, count) in enumerate(counts.items()):
        with (folder / f"{split}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text", "label"), *sentences(count, seed)])
    return folder


def train_texts(folder, backbone="tiny", *words):
    """Train a run of texts; return its folder."""
    data = write_texts(folder / "data", train=60, val=40)
    if backbone == "tiny":
        write_encoder(folder / "encoder")
        backbone = folder / "encoder"
    run_train("--task", "text_intent", "--data", data, "--backbone", backbone, "--out", folder / "run",
              "--epochs", "1", *words)  # fmt: skip
    return folder / "run"
