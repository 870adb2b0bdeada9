"""Surgery as the command line says it: "truncate:C4,attention:se:C4,activation:silu"."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from zoo.surgery.activation import swap_activation
from zoo.surgery.arguments import activation_name, attention_kind, chosen, share, stage_name, stage_names
from zoo.surgery.attention import insert_attention
from zoo.surgery.dropout import add_dropout, stochastic_depth
from zoo.surgery.truncation import truncate

if TYPE_CHECKING:
    import keras

Operation = tuple[Callable[..., Any], dict[str, Any]]


class _Form(NamedTuple):
    """How an operation is written, what does it, how its arguments are read, and how many may be left out."""

    form: str
    example: str
    function: Callable[..., Any]
    readers: dict[str, Callable[[str], Any]]
    optional: int = 0


_FORMS = {
    "truncate": _Form("truncate:STAGE", "truncate:C4", truncate, {"at": stage_name}),
    "attention": _Form(
        "attention:se|cbam:STAGE[+STAGE]",
        "attention:se:C4",
        insert_attention,
        {"kind": attention_kind, "after": stage_names},
    ),
    "activation": _Form(
        "activation:TO[:FROM]",
        "activation:silu",
        swap_activation,
        {"to": activation_name, "from_": activation_name},
        optional=1,
    ),
    "dropout": _Form(
        "dropout:RATE:STAGE[+STAGE]", "dropout:0.1:C5", add_dropout, {"rate": share, "after": stage_names}
    ),
    "depth": _Form("depth:RATE", "depth:0.1", stochastic_depth, {"rate": share}),
}


def forms() -> list[str]:
    """Return the operations as a command line says them.

    Example:
        >>> forms()[-1]
        'depth:RATE'
    """
    return [each.form for each in _FORMS.values()]


def parse(text: str) -> list[Operation]:
    """Read operations with commas between, in the order in which they are done; no text, no operation.

    Returns:
        (function, its keyword arguments) of each.

    Raises:
        ValueError: an operation that is unknown, or has too few, too many or impossible arguments.

    Example:
        >>> [(function.__name__, arguments) for function, arguments in parse("truncate:C4, dropout:0.1:C3+C4")]
        [('truncate', {'at': 'C4'}), ('add_dropout', {'rate': 0.1, 'after': ('C3', 'C4')})]
        >>> parse("dropuot:0.1:C5")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        ValueError: unknown operation 'dropuot': did you mean 'dropout'? Allowed: truncate, ...
    """
    return [_operation(word.strip()) for word in text.split(",")] if text.strip() else []


def operate(backbone: keras.Model, text: str) -> keras.Model:
    """Do operations on a backbone, in their order.

    Args:
        backbone: a functional backbone, as `build` makes it, not adapted yet.
        text: as `parse` takes it.

    Raises:
        ValueError: as `parse`, or the backbone cannot be operated so.

    Example:
        >>> import zoo
        >>> backbone = zoo.build("mobilenet_025", 64, weights="random").model
        >>> list(operate(backbone, "truncate:C4, attention:se:C3+C4").output)
        ['P3', 'P4']
    """
    if hasattr(backbone, "adaptation"):
        raise ValueError(f"backbone '{backbone.name}' is adapted: operate first, then adapt")
    for function, arguments in parse(text):
        backbone = function(backbone, **arguments)
    return backbone


def _operation(word: str) -> Operation:
    name, *values = (part.strip() for part in word.split(":"))
    form = _FORMS[chosen("operation", name, _FORMS)]
    fewest = len(form.readers) - form.optional
    if not fewest <= len(values) <= len(form.readers) or not all(values):
        raise ValueError(f"operation '{word}' is not understood: give {form.form}, e.g. {form.example}")
    try:
        pairs = zip(form.readers.items(), values, strict=False)
        return form.function, {argument: read(value) for (argument, read), value in pairs}
    except ValueError as error:
        raise ValueError(f"operation '{word}': {error}") from None
