"""What learns in a phase, and how fast: a line for each stage of the backbone and one for the head."""

from __future__ import annotations

import zoo
from cityzoo.fit.optimizers import stage_rates
from cityzoo.model import AssembledModel, count_parameters


def learning_table(assembled: AssembledModel, learning_rate: float, layer_decay: float) -> str:
    """Return a line for each stage and for the head: parameters, those that learn, and how fast at the peak."""
    backbone, model = assembled.backbone, assembled.model
    of_layer, rates = zoo.stage_of_layers(backbone), stage_rates(backbone, model, layer_decay)
    counts: dict[str, list[float]] = {}
    for layer in sorted(backbone.layers, key=lambda layer: of_layer[layer.name]):  # "tail" comes last
        row = counts.setdefault(of_layer[layer.name], [0, 0, 0.0])
        row[0] += count_parameters(layer.weights)
        row[1] += count_parameters(layer.trainable_weights)
        row[2] = max([row[2], *(learning_rate * rates[weight.path] for weight in layer.trainable_weights)])
    every, learn = (
        count_parameters(of(model)) - count_parameters(of(backbone))
        for of in (lambda m: m.weights, lambda m: m.trainable_weights)
    )
    counts["head"] = [every, learn, learning_rate]
    rows = [f"  {'stage':<8}{'parameters':>12}{'learn':>12}{'rate':>10}"]
    rows += [
        f"  {n:<8}{a:>12,}{b:>12,}{f'{rate:.2g}' if b else '-':>10}"
        for n, (a, b, rate) in counts.items()
        if a
    ]
    return "\n".join(rows)
