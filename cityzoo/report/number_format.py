"""How the figures of a report are said: rounded, with a sign, in per cent, as an interval."""

from __future__ import annotations

import json

from cityzoo.metrics.keys import split_pointer

DASH = "–"
NARROW = 0.05  # intervals below this width take a third digit


def score(value: float | None) -> str:
    """Return a metric of 0..1 with three digits, a dash for none.

    Example:
        >>> score(0.49949), score(None)
        ('0.499', '–')
    """
    return f"{value:.3f}".replace("-", "−") if is_number(value) else DASH


def share(value: float | None) -> str:
    """Return a share of 0..1 in per cent.

    Example:
        >>> share(0.7), share(-0.02), share(None)
        ('70 %', '−2 %', '–')
    """
    return f"{100 * value:.0f} %".replace("-", "−") if is_number(value) else DASH


def signed(value: float | None) -> str:
    """Return a difference of two metrics with its sign.

    Example:
        >>> signed(0.375), signed(-0.25), signed(None)
        ('+0.375', '−0.250', '–')
    """
    return f"{value:+.3f}".replace("-", "−") if is_number(value) else DASH


def way(after: float | None, before: float | None, lower: bool = False) -> str:
    """Return "up" for a metric that got better by a digit that is shown, "down" for worse, "" for neither.

    Example:
        >>> way(0.5, 0.4), way(0.5, 0.4, lower=True), way(0.5, 0.5), way(None, 0.5)
        ('up', 'down', '', '')
    """
    if not is_number(after) or not is_number(before):
        return ""
    moved = signed(after - before)
    if moved in ("+0.000", "−0.000"):
        return ""
    return "up" if moved.startswith("−" if lower else "+") else "down"


def duration(seconds: float | None) -> str:
    """Return seconds as people say them.

    Example:
        >>> duration(4.25), duration(370), duration(7260), duration(None)
        ('4.2 s', '6 min 10 s', '2 h 1 min', '–')
    """
    if not is_number(seconds):
        return DASH
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def count(value: float | None) -> str:
    """Return a number with its thousands set apart.

    Example:
        >>> count(187), count(4.5), count(4.0), count(1870241).split()
        ('187', '4.5', '4', ['1', '870', '241'])
    """
    if not is_number(value):
        return DASH
    shown = f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"
    return shown.replace(",", "\N{NARROW NO-BREAK SPACE}")


def text(value: object) -> str:
    """Return any value of the spec in one line.

    Example:
        >>> text(None), text(True), text([256, 256]), text("C4")
        ('–', 'yes', '[256, 256]', 'C4')
    """
    if value is None or value == "":
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def interval_ends(low: float | None, high: float | None) -> tuple[str, str]:
    """Return both ends of an interval in as many digits as its width asks for.

    Example:
        >>> interval_ends(0.3141, 0.5), interval_ends(-0.0004, 0.021), interval_ends(None, 0.5)
        (('.31', '.50'), ('.000', '.021'), ('–', '–'))
    """
    if not is_number(low) or not is_number(high):
        return DASH, DASH
    digits = 3 if high - low < NARROW else 2
    low_said, high_said = (_without_zero(f"{end:.{digits}f}") for end in (low, high))
    return low_said, high_said


def named(place: str) -> str:
    """Return the place of a figure as people name it.

    Example:
        >>> named("balanced_accuracy"), named("per_class/van~1suv/AP50"), named("AP")
        ('balanced accuracy', 'van/suv: AP50', 'AP')
    """
    words = split_pointer(place)
    words = words[1:] if len(words) > 2 and words[0] == "per_class" else words
    return ": ".join(word.replace("_", " ") for word in words)


def loss_label(what: str) -> str:
    """Return what got worse as people name it: the figure, which comes last, in words.

    Example:
        >>> loss_label("size: no_one: balanced_accuracy")
        'size: no_one: balanced accuracy'
    """
    head, colon, figure = what.rpartition(": ")
    return f"{head}{colon}{named(figure)}"


def verdict_direction(verdict: object) -> str:
    """Return the colour class of a verdict in words: "up" for better, "down" for worse, else "".

    Example:
        >>> verdict_direction("better"), verdict_direction("worse"), verdict_direction("no clear difference")
        ('up', 'down', '')
    """
    said = str(verdict).lower()
    return "up" if said.startswith("better") else "down" if said.startswith("worse") else ""


def is_number(value: object) -> bool:
    """Tell whether a value of the report is a number; True and False are none.

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
