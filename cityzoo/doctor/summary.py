"""A diagnosis as lines of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cityzoo.doctor.machine import FEATURES
from cityzoo.report.number_format import format_text

UNITS = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


def format_bytes(count: int) -> str:
    """Return a size in words.

    Example:
        >>> format_bytes(0), format_bytes(2_340_000), format_bytes(12_000_000_000)
        ('0 B', '2.3 MB', '12.0 GB')
    """
    for factor, unit in UNITS:
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} B"


def format_rows(rows: Iterable[tuple[str, ...]], indent: str = "  ") -> Iterator[str]:
    """Yield rows of cells as aligned lines.

    Example:
        >>> list(format_rows([("a", "1"), ("long", "2")]))
        ['  a     1', '  long  2']
    """
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"{indent}{'  '.join(cells)}".rstrip()


def summarize(found: Mapping[str, Any]) -> str:
    """Return a diagnosis as text, problems last, where they are seen."""
    sections: dict[str, list[tuple[str, ...]]] = {
        "packages": list(map(_package_row, found["packages"].values())),
        "extras": [(name, _lacks(each)) for name, each in found["extras"].items()],
        "machine": list(_machine_rows(found)),
        "what auto chooses here, for a detector": list(_auto_rows(found["auto"])),
        "caches": [(name, _cache_size(each), each["folder"]) for name, each in found["caches"].items()],
        "pretrained weights on this machine": [
            (kind, ", ".join(names) or "none: downloaded when used")
            for kind, names in found["weights"].items()
        ],
    }
    lines = [f"cityzoo {found['cityzoo']}, Python {found['python']}, {found['system']}"]
    for title, rows in sections.items():
        lines += ["", title, *format_rows(rows)] if rows else []
    return "\n".join([*lines, "", *_problem_lines(found["problems"])]) + "\n"


def _package_row(each: Mapping[str, Any]) -> tuple[str, ...]:
    return each["name"], each["version"] or "-", each["wanted"], each["state"]


def _lacks(extra: Mapping[str, Any]) -> str:
    if not extra["missing"]:
        return "complete"
    return f"{extra['install']}   (missing: {', '.join(extra['missing'])})"


def _cache_size(cache: Mapping[str, Any]) -> str:
    if "unreadable" in cache:
        return cache["unreadable"]
    return format_bytes(cache["bytes"]) if cache["entries"] else "empty"


def _machine_rows(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    processor, devices, speed = found["processor"], found["devices"], found["speed"]
    yield "processor", processor["name"]
    if devices:
        yield "cores", f"{devices['usable_cores']} of {devices['cores']} may be used; threads are as many"
        yield "GPUs", ", ".join(devices["gpus"]) or "none"
        yield "Keras backend", devices["backend"]
    for name, has_feature in (processor["features"] or {}).items():
        yield name, f"{format_text(has_feature):<5}{FEATURES[name][1]}"
    if speed:
        rates = f"{speed['matmul_float32_gflops']:g} GFLOP/s in float32"
        yield "1024 x 1024 product", f"{rates}, {speed['matmul_bfloat16_gflops']:g} in bfloat16"
        yield "1280 x 720 JPEG", f"{speed['jpeg_1280x720_per_second']:g} images/s on one core"


def _auto_rows(auto: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    if not auto:
        return
    yield "--batch-size auto", f"{auto['batch_size']} ({auto['examples']} images)"
    for name, each in auto["backbones"].items():
        precision, (usual, most) = each["precision"], each["long_side_px"]
        words = f"backbone {precision['backbone']}, head {precision['head']}"
        yield name, f"{words}; --freeze {each['freeze']}; {usual} px, {most} px for small objects"


def _problem_lines(problems: list[Mapping[str, Any]]) -> Iterator[str]:
    for each in sorted(problems, key=lambda each: each["fails"]):
        yield f"{'PROBLEM' if each['fails'] else 'note'}: {each['what']}: {each['reason']}"
        yield f"  remedy: {each['remedy']}"
    failing = sum(each["fails"] for each in problems)
    yield f"{failing} problem{'' if failing == 1 else 's'} found" if failing else "no problem found"
