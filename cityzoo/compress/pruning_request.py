"""What to prune, how far and how; nothing heavy is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

IMPORTANCE = ("taylor", "l1", "batchnorm")


@dataclass(frozen=True)
class PruningRequest:
    """What to prune, how far and how.

    Attributes:
        run: folder of the run whose model is pruned.
        by: what the target is a share of, "latency" or "parameters".
        share: target, above 0 and below 1.
        importance: one of IMPORTANCE.
        rounds: how often channels are removed, with fine-tuning after each.
        epochs: of fine-tuning after each round; 0: as many as the run's last phase.
        learning_rate: peak in fine-tuning; 0: half of the run's.
        freeze: freeze the backbone up to this stage in fine-tuning.
        teacher: whether the run that is pruned teaches the smaller model, next to the labels.
    """

    run: str
    by: str
    share: float
    importance: str = IMPORTANCE[0]
    rounds: int = 1
    epochs: int = 0
    learning_rate: float = 0.0
    freeze: str = "none"
    teacher: bool = True

    @property
    def default_out(self) -> str:
        """Return the folder of the new run.

        Example:
            >>> PruningRequest("runs/a/", "latency", 0.6).default_out
            'runs/a-pruned-0.6-latency'
        """
        return f"{Path(self.run)}-pruned-{self.share:g}-{self.by}"
