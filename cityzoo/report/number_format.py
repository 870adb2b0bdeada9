"""Number formats of a report: rounded, with a sign, in per cent, as an interval."""

from __future__ import annotations

import json
from typing import TypeGuard

from cityzoo.metrics.keys import split_pointer

DASH = "–"
ACRONYMS = ("ap", "auroc", "f1", "mae", "mape", "r2", "rmse")
SMALL = 0.005  # differences below this get a fourth digit
NARROW = 0.05  # intervals below this width get a third digit


def format_score(value: float | None) -> str:
    """Return a metric with three digits, a dash for None.

    Example:
        >>> format_score(0.49949), format_score(None)
        ('0.499', '–')
    """
    return f"{value:.3f}".replace("-", "−") if is_number(value) else DASH


def format_share(value: float | None) -> str:
    """Return a share in per cent.

    Example:
        >>> format_share(0.7), format_share(-0.02), format_share(None)
        ('70 %', '−2 %', '–')
    """
    return f"{100 * value:.0f} %".replace("-", "−") if is_number(value) else DASH


def format_signed(value: float | None) -> str:
    """Return a difference with its sign; a small one, as of two losses, has a fourth digit.

    Example:
        >>> format_signed(0.375), format_signed(-0.25), format_signed(-0.0004), format_signed(None)
        ('+0.375', '−0.250', '−0.0004', '–')
    """
    if not is_number(value):
        return DASH
    return f"{value:+.{4 if 0 < abs(value) < SMALL else 3}f}".replace("-", "−")


def change_direction(after: float | None, before: float | None, lower: bool = False) -> str:
    """Return "up" for a visibly better metric, "down" for a worse one, else "".

    Example:
        >>> change_direction(0.5, 0.4), change_direction(0.5, 0.4, lower=True), change_direction(0.5, 0.5)
        ('up', 'down', '')
    """
    if not is_number(after) or not is_number(before):
        return ""
    moved = round(after - before, 3)
    if not moved:
        return ""
    return "up" if (moved < 0) == lower else "down"


def format_duration(seconds: float | None) -> str:
    """Return a duration in seconds, minutes or hours.

    Example:
        >>> format_duration(4.25), format_duration(370), format_duration(7260), format_duration(None)
        ('4.2 s', '6 min 10 s', '2 h 1 min', '–')
    """
    if not is_number(seconds):
        return DASH
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def format_count(value: float | None) -> str:
    """Return a number with thousands separators.

    Example:
        >>> format_count(187), format_count(4.5), format_count(4.0), format_count(1870241).split()
        ('187', '4.5', '4', ['1', '870', '241'])
    """
    if not is_number(value):
        return DASH
    shown = f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"
    return shown.replace(",", "\N{NARROW NO-BREAK SPACE}")


def format_text(value: object) -> str:
    """Return any JSON value in one line.

    Example:
        >>> format_text(None), format_text(True), format_text([256, 256]), format_text("C4")
        ('–', 'yes', '[256, 256]', 'C4')
    """
    if value is None or value == "":
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def format_interval_ends(low: float | None, high: float | None) -> tuple[str, str]:
    """Return both ends of an interval, with more digits for narrow ones.

    Example:
        >>> format_interval_ends(0.3141, 0.5), format_interval_ends(-0.0004, 0.021), format_interval_ends(None, 0.5)
        (('.31', '.50'), ('.000', '.021'), ('–', '–'))
    """
    if not is_number(low) or not is_number(high):
        return DASH, DASH
    digits = 3 if high - low < NARROW else 2
    return _without_zero(f"{low:.{digits}f}"), _without_zero(f"{high:.{digits}f}")


def metric_label(place: str) -> str:
    """Return the name of a metric in words, from its place.

    Example:
        >>> metric_label("balanced_accuracy"), metric_label("per_class/van~1suv/AP50"), metric_label("mae_15min")
        ('balanced accuracy', 'van/suv: AP50', 'MAE 15min')
    """
    names = split_pointer(place)
    names = names[1:] if len(names) > 2 and names[0] == "per_class" else names
    *holders, metric = [name.replace("_", " ") for name in names]
    metric = " ".join(word.upper() if word in ACRONYMS else word for word in metric.split())
    return ": ".join([*holders, metric])


def loss_label(what: str) -> str:
    """Return what got worse with the name of its metric, which comes last, in words.

    Example:
        >>> loss_label("size: no_one: balanced_accuracy")
        'size: no_one: balanced accuracy'
    """
    head, colon, figure = what.rpartition(": ")
    return f"{head}{colon}{metric_label(figure)}"


def verdict_direction(verdict: object) -> str:
    """Return the CSS class of a verdict: "up" for better, "down" for worse, else "".

    Example:
        >>> verdict_direction("better"), verdict_direction("worse"), verdict_direction("no clear difference")
        ('up', 'down', '')
    """
    words = str(verdict).lower()
    return "up" if words.startswith("better") else "down" if words.startswith("worse") else ""


def is_number(value: object) -> TypeGuard[int | float]:
    """Return whether a value is a number, not a boolean.

    Example:
        >>> is_number(0.5), is_number(True), is_number(None)
        (True, False, False)
    """
    return isinstance(value, int | float) and not isinstance(value, bool)


def _without_zero(number: str) -> str:
    number = number if float(number) else number.lstrip("-")
    return (
        number.replace("-0.", "-.", 1).removeprefix("0" if number.startswith("0.") else "").replace("-", "−")
    )
