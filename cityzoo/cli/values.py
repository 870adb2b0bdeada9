"""Words of the command line read as values, each with one line of complaint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from augment.policy import get_policy
from cityzoo.errors import InputError, unknown

AUTO = "auto"
GROUP_BY = (AUTO, "example", "duplicate", "scene", "video", "camera", "cluster")  # see cityzoo.data.groups
CLOSED_FORM = "closed_form"  # in place of a stage: the head is computed in one pass


def parse_size(text: str) -> tuple[int, int] | str:
    """Read "320" or "256x320" (height x width) in pixels.

    Example:
        >>> parse_size("256x320"), parse_size("320"), parse_size("auto")
        ((256, 320), (320, 320), 'auto')
    """
    if text == AUTO:
        return AUTO
    sides = text.lower().split("x")
    if len(sides) not in (1, 2) or not all(side.isdecimal() and int(side) > 0 for side in sides):
        raise InputError(
            f"image size '{text}' is not understood: give one side or HEIGHTxWIDTH, e.g. 320 or 256x320"
        )
    return int(sides[0]), int(sides[-1])


def parse_names(text: str) -> tuple[str, ...]:
    """Read "car,bus" as names.

    Example:
        >>> parse_names("car, bus")
        ('car', 'bus')
    """
    names = tuple(name.strip() for name in text.split(","))
    if not all(names) or len(set(names)) != len(names):
        raise InputError(
            f"names '{text}' are not understood: give each once with commas between, e.g. car,bus"
        )
    return names


def parse_mapping(text: str) -> dict[str, str]:
    """Read "van=car,person=ignore" as a mapping.

    Example:
        >>> parse_mapping("van=car,person=ignore")
        {'van': 'car', 'person': 'ignore'}
    """
    pairs = [tuple(part.strip() for part in pair.split("=")) for pair in text.split(",")]
    if not all(len(pair) == 2 and all(pair) for pair in pairs):
        raise InputError(
            f"mapping '{text}' is not understood: give OLD=NEW with commas between, e.g. van=car"
        )
    return dict(pairs)


def parse_count(text: str) -> int:
    """Read a whole number of 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f"'{text}' is not a count: give a whole number of 1 or more")
    return int(text)


def parse_auto_count(text: str) -> int | str:
    """Read a whole number of 1 or more, or "auto"."""
    return AUTO if text == AUTO else parse_count(text)


def parse_views(text: str) -> int | str:
    """Read a whole number of 0 or more, or "auto"."""
    return 0 if text == "0" else parse_auto_count(text)


def parse_rate(text: str) -> float:
    """Read a learning rate above 0 and at most 1."""
    try:
        rate = float(text)
    except ValueError as error:
        raise InputError(f"'{text}' is not a learning rate: give a number such as 0.002") from error
    if not 0 < rate <= 1:
        raise InputError(f"learning rate {text} is out of bounds: give a number above 0 and at most 1")
    return rate


def parse_seed(text: str) -> int:
    """Read a seed: a whole number, 0 or more."""
    if not text.isdecimal() or int(text) >= 2**31:  # TensorFlow's seeds are int32
        raise InputError(f"'{text}' is not a seed: give a whole number, 0 to {2**31 - 1}")
    return int(text)


def parse_phases(text: str) -> tuple[tuple[str, int], ...]:
    """Read "backbone:20,C3:10" as stages to freeze up to and epochs.

    Example:
        >>> parse_phases("backbone:20, C3:10"), parse_phases("closed_form,C3:10")
        ((('backbone', 20), ('C3', 10)), (('closed_form', 1), ('C3', 10)))
    """
    words = (CLOSED_FORM if part.strip() == "solve" else part.strip() for part in text.split(","))
    parts = [(f"{word}:1" if word == CLOSED_FORM else word).rpartition(":") for word in words]
    if not all(stage and epochs.isdecimal() and int(epochs) > 0 for stage, _, epochs in parts):
        raise InputError(
            f"phases '{text}' are not understood: give FREEZE:EPOCHS with commas between, e.g. backbone:20,C3:10"
        )
    return tuple((stage, int(epochs)) for stage, _, epochs in parts)


def _number(text: str, low: float, high: float, what: str, ends: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise InputError(f"'{text}' is not {what}: give a number {ends}") from error
    if not low <= value <= high:
        raise InputError(f"{what} of {text} is out of bounds: give a number {ends}")
    return value


def parse_number(text: str) -> float:
    """Read a number, 0 or more.

    Example:
        >>> parse_number("0.05")
        0.05
    """
    return _number(text, 0.0, 1e6, "a value", "of 0 or more")


def parse_fold(text: str) -> str:
    """Read which part of the training data is held out, e.g. "1/3".

    Example:
        >>> parse_fold("1/3")
        '1/3'
    """
    part, _, folds = text.partition("/")
    if not (part.isdecimal() and folds.isdecimal() and 1 <= int(part) <= int(folds) and int(folds) > 1):
        raise InputError(f"fold '{text}' is not understood: give PART/PARTS, e.g. 1/3 for the first of three")
    return text


def parse_folds(text: str) -> int:
    """Read a number of folds: 2 or more, or 0 for none."""
    if not text.isdecimal() or int(text) == 1:
        raise InputError(f"'{text}' folds cannot be made: give 2 or more, e.g. 3, or 0 for none")
    return int(text)


def parse_group_by(text: str) -> str:
    """Read how examples are grouped: one of `GROUP_BY`, or a CSV file of names and groups.

    Raises:
        InputError: neither.
    """
    if text in GROUP_BY or (text.lower().endswith(".csv") and Path(text).is_file()):
        return text
    raise unknown("value of --group-by", text, (*GROUP_BY, "a .csv file of names and groups"))


def parse_share(text: str) -> float:
    """Read a factor above 0, at most 1."""
    return _number(text, 1e-6, 1.0, "a factor", "above 0, at most 1")


def parse_auto_share(text: str) -> float | str:
    """Read a factor above 0, at most 1, or "auto"."""
    return AUTO if text == AUTO else _number(text, 1e-6, 1.0, "a factor", "above 0, at most 1, or auto")


def parse_score(text: str) -> float:
    """Read a score, 0 to 1."""
    return _number(text, 0.0, 1.0, "a score", "between 0 and 1")


def parse_momentum(text: str) -> float:
    """Read the momentum of a moving average: 0 or more, less than 1."""
    return _number(text, 0.0, 0.999999, "a momentum", "of 0 or more and less than 1, as 0.998")


def parse_smoothing(text: str) -> float:
    """Read a share of 0 to 0.9."""
    return _number(text, 0.0, 0.9, "a share", "of 0 to 0.9")


def _checked(text: str, check: Callable[[str], object]) -> str:
    # A leaf package's complaint is the user's to mend.
    try:
        check(text)
    except ValueError as error:
        raise InputError(str(error)) from error
    return text


def parse_way(text: str) -> str:
    """Read how a backbone is adapted, e.g. "lora:8"."""
    from zoo.peft import methods

    return _checked(text, methods.parse)


def parse_structure(text: str) -> str:
    """Read changes of a backbone's structure, e.g. "truncate:C4,attention:se:C3"."""
    from zoo.surgery import operations

    return _checked(text, operations.parse)


def parse_policy(text: str) -> str:
    """Read the name of an augmentation policy, or the path of a file that holds one."""
    return _checked(text, get_policy)
