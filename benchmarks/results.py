"""Results of the augmentation benchmark: ratios, facts of the machine, and the Markdown page."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

Rounds = Mapping[str, Sequence[float]]  # contender -> images per second, of each round

WHAT = {
    "decode": "TensorFlow: decode",
    "decode_resize": "TensorFlow: decode, resize (bilinear)",
    "decode_resize_antialias": "TensorFlow: decode, resize (bilinear, anti-aliased)",
    "none": "**augment: policy `none`**, boxes too",
    "geometry": "**augment: crop, flip, rotate, scale, translate**, boxes too",
    "standard": "**augment: policy `standard`**, boxes too",
    "keras_geometry_by_batch": "Keras: resize, then crop (one for the whole batch), flip, rotation, zoom",
    "keras_geometry_by_image": "Keras: the same, image by image",
    "keras_geometry_full": "Keras: the same on the decoded image, resized last, as sharp as ours",
    "keras_chain": "Keras: rotation, zoom, crop to the input's size, flip, brightness, contrast on the decoded image",
    "keras_six_by_batch": "Keras: resize, the four, brightness, contrast, by batch",
    "keras_six_by_image": "Keras: the same six, image by image",
    "keras_standard_by_batch": "Keras: what `standard` does but gamma, by batch",
    "keras_standard_by_image": "Keras: the same, image by image",
    "albumentations_geometry": "albumentations, worker processes: crop, flip, affine",
    "albumentations_standard": "albumentations, worker processes: what `standard` does",
    "torchvision_geometry": "torchvision v2, worker processes: crop, flip, affine",
    "torchvision_standard": "torchvision v2, worker processes: what `standard` does but gamma",
}

# Name -> (ours, the others of whom the fastest counts, what is wanted at least).
RATIOS: dict[str, tuple[str, tuple[str, ...], float | None]] = {
    "geometry_vs_keras_chain": ("geometry", ("keras_chain",), 4.0),
    "geometry_vs_keras_resized_first": (
        "geometry",
        ("keras_geometry_by_batch", "keras_geometry_by_image"),
        None,
    ),
    "geometry_vs_keras_six_resized_first": ("geometry", ("keras_six_by_batch", "keras_six_by_image"), None),
    "geometry_vs_keras_full": ("geometry", ("keras_geometry_full",), None),
    "geometry_vs_decode_resize": ("geometry", ("decode_resize",), 0.9),
    "geometry_vs_decode_resize_antialias": ("geometry", ("decode_resize_antialias",), None),
    "geometry_vs_albumentations": ("geometry", ("albumentations_geometry",), 1.0),
    "geometry_vs_torchvision": ("geometry", ("torchvision_geometry",), None),
    "standard_vs_keras_chain": ("standard", ("keras_standard_by_batch", "keras_standard_by_image"), 3.0),
    "standard_vs_albumentations": ("standard", ("albumentations_standard",), None),
    "standard_vs_torchvision": ("standard", ("torchvision_standard",), None),
}


def ratios(rounds: Rounds) -> dict[str, float | None]:
    """Return each ratio: the median over the rounds, each relative to the fastest in the round; None if not measured.

    Example:
        >>> ratios({"geometry": [50, 90], "decode_resize": [100, 100]})["geometry_vs_decode_resize"]
        0.7
    """
    found: dict[str, float | None] = {}
    for name, (mine, others, _) in RATIOS.items():
        present = [rounds[other] for other in others if other in rounds]
        fastest = [max(each) for each in zip(*present, strict=True)]
        each = [a / b for a, b in zip(rounds.get(mine, ()), fastest, strict=False)]
        found[name] = round(median(each), 3) if each else None
    return found


def headline(by_setting: Mapping[str, Rounds]) -> dict[str, float | None]:
    """Return all ratios by name; names of settings after the first include the setting."""
    found: dict[str, float | None] = {}
    for number, (setting, rounds) in enumerate(by_setting.items()):
        ending = f"_{setting.replace(':', '_')}" if number else ""
        found |= {f"{name}{ending}": value for name, value in ratios(rounds).items()}
    return found


def machine(cores: int, peers: Sequence[str]) -> dict[str, Any]:
    """Return processor, cores, versions, load average and date."""
    packages = {}
    for name in ("tensorflow", "keras", "numpy"):
        try:
            packages[name] = version(name)
        except PackageNotFoundError:  # tensorflow-cpu and the like
            packages[name] = "?"
    return {
        "processor": _processor(),
        "cores_used": cores,
        "cores": os.cpu_count(),
        "load_average_at_start": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "system": f"{platform.system()} {platform.machine()}",
        "versions": [
            f"Python {platform.python_version()}",
            *(f"{n} {v}" for n, v in packages.items()),
            *peers,
        ],
        "date": date.today().isoformat(),
    }


def _processor() -> str:
    table = Path("/proc/cpuinfo")
    lines = table.read_text(encoding="utf-8").splitlines() if table.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "?"


def page(facts: Mapping[str, Any], by_setting: Mapping[str, Rounds], notes: Sequence[str]) -> str:
    """Return the Markdown page.

    Args:
        facts: of `machine`.
        by_setting: setting as written -> rounds.
        notes: lines about the files and about who was left out.
    """
    load = facts["load_average_at_start"]
    lines = [
        "# Images per second, from JPEG files to augmented batches",
        "",
        f"{facts['processor']}, {facts['cores_used']} of {facts['cores']} cores, {facts['system']}, "
        f"{facts['date']}; load before the start {load}. {', '.join(facts['versions'])}.",
        "",
        *(f"- {note}" for note in notes),
        "",
        "Made by `python benchmarks/augment.py`; its `--help` says how it is measured. All draw from about the same "
        "ranges and interpolate bilinearly. augment and torchvision average where the image shrinks, the others "
        "do not; augment alone moves boxes along.",
        *_ratio_table(by_setting),
    ]
    for setting, rounds in by_setting.items():
        lines += _speed_table(setting, rounds)
    return "\n".join(lines) + "\n"


def _ratio_table(by_setting: Mapping[str, Rounds]) -> list[str]:
    columns = [ratios(rounds) for rounds in by_setting.values()]
    lines = [
        "",
        "## Ratios",
        "",
        f"| ratio | wanted | {' | '.join(by_setting)} |",
        "|---|" + "--:|" * (1 + len(columns)),
    ]
    for name, (_, _, wanted) in RATIOS.items():
        values = ["-" if column[name] is None else f"{column[name]:.2f}" for column in columns]
        lines.append(f"| {name} | {'' if wanted is None else f'{wanted:g}'} | {' | '.join(values)} |")
    return lines


def _speed_table(setting: str, rounds: Rounds) -> list[str]:
    base = median(rounds["decode_resize"]) if "decode_resize" in rounds else None
    head = ["contender", "what it does", "images/s", "lowest to highest", "of decode + resize"]
    lines = ["", f"## {setting}", "", f"| {' | '.join(head)} |", "|---|---|--:|--:|--:|"]
    for name, each in rounds.items():
        share = f"{median(each) / base:.2f}" if base else "-"
        span = f"{min(each):.0f} to {max(each):.0f}"
        lines.append(f"| {name} | {WHAT[name]} | {median(each):.0f} | {span} | {share} |")
    return lines
