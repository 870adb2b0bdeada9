"""Surgery as text: "truncate:C4,attention:se:C4,activation:silu"."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from zoo import feature_pyramid
from zoo.backbone import POOLED
from zoo.surgery.activation import swap_activation
from zoo.surgery.arguments import activation_name, attention_kind, chosen, share, stage_name, stage_names
from zoo.surgery.attention import insert_attention
from zoo.surgery.insertion import add_dropout, stochastic_depth

if TYPE_CHECKING:
    import keras

Operation = tuple[Callable[..., Any], dict[str, Any]]


def truncate(backbone: keras.Model, at: str) -> keras.Model:
    """Drop all layers after a stage, and their levels.

    Args:
        backbone: a functional backbone from `build`.
        at: the last stage to keep, "C3" .. "C5".

    Returns:
        The backbone with the levels up to there, which shares all its layers; a backbone with pooled output now
        pools the stage.

    Raises:
        ValueError: no such stage, or no level remains.
    """
    import keras

    cut = feature_pyramid.stage(backbone, stage_name(at))
    if POOLED in backbone.output:
        pool = backbone.get_layer(POOLED)
        outputs = {POOLED: type(pool).from_config(pool.get_config())(cut)}
    else:
        last = at.replace("C", "P")
        outputs = {level: tensor for level, tensor in backbone.output.items() if level <= last}
    if not outputs:
        finest = min(backbone.output)
        raise ValueError(
            f"truncating backbone '{backbone.name}' at {at} removes all levels "
            f"{', '.join(backbone.output)}: truncate at {finest.replace('P', 'C')} or later"
        )
    return keras.Model(backbone.inputs[0], outputs, name=backbone.name)


class _Form(NamedTuple):
    """Syntax of an operation, its function, the parsers of its arguments, and how many are optional."""

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


def parse(text: str) -> list[Operation]:
    """Parse comma-separated operations, in the order in which they are applied; empty text: none.

    Returns:
        (function, its keyword arguments) of each.

    Raises:
        ValueError: unknown operation, or too few, too many or invalid arguments.

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
    """Apply operations to a backbone, in their order.

    Args:
        backbone: a functional backbone from `build`, not adapted.
        text: as for `parse`.

    Raises:
        ValueError: as `parse`, or an operation does not fit the backbone.

    Example:
        >>> import zoo
        >>> backbone = zoo.build("mobilenet_025", 64, weights="random").model
        >>> list(operate(backbone, "truncate:C4, attention:se:C3+C4").output)
        ['P3', 'P4']
    """
    if hasattr(backbone, "adaptation"):
        raise ValueError(f"backbone '{backbone.name}' is adapted already: apply surgery first, then adapt")
    for function, arguments in parse(text):
        backbone = function(backbone, **arguments)
    return backbone


def _operation(word: str) -> Operation:
    name, *values = (part.strip() for part in word.split(":"))
    form = _FORMS[chosen("operation", name, _FORMS)]
    fewest = len(form.readers) - form.optional
    if not fewest <= len(values) <= len(form.readers) or not all(values):
        raise ValueError(f"invalid operation '{word}': expected {form.form}, e.g. {form.example}")
    try:
        pairs = zip(form.readers.items(), values, strict=False)
        return form.function, {argument: read(value) for (argument, read), value in pairs}
    except ValueError as error:
        raise ValueError(f"operation '{word}': {error}") from None
