"""A table of sensors and texts whose label is that one of the two is true, and not both."""

import json

import numpy as np

WORDS = {True: "accident near the bridge", False: "all roads are clear today"}


def write_rows(folder, counts=(("train", 96), ("val", 48)), empty=0.0, seed=0):
    """Write SPLIT.jsonl: time, place, sensor (6 values), text, label; a share of the cells is empty."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for split, count in counts:
        lines = []
        for number, case in enumerate((rng.permutation(count) % 4).tolist()):
            slow, said = case % 2 == 1, case >= 2
            window = np.round(rng.normal(30 if slow else 80, 3, 6), 1).tolist()
            row = {
                "time": f"2026-05-{1 + number % 28:02d}T{number % 24:02d}:00:00Z",
                "place": f"{split} bridge",
            }
            row |= {
                "sensor": window,
                "text": f"{WORDS[said]} {number}",
                "label": "odd" if slow != said else "even",
            }
            for name in ("sensor", "text"):
                if rng.random() < empty:
                    row.pop(name)
            lines.append(json.dumps(row))
        (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n")
    return folder
