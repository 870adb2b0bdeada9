"""Fuse features of several modalities, any of which may be absent, into one row per example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from heads.fusion_kinds import FUSIONS

GATES = "fusion_gates"  # layer of the weights of the modalities
COMPRESS = "fusion_components_"  # and the name of a modality: layer of its principal components
GATE: dict[str, Any] = {"kernel_initializer": "zeros", "kernel_regularizer": keras.regularizers.L2(0.001)}
STEEP = 4.0  # of the gates: weights of the last layer move slowly
LEAST_SPREAD = 0.01  # of a feature, in root mean square deviations of all features
HEADS = 4  # of the attention


@dataclass(frozen=True)
class Fusion:
    """From the features of all modalities, side by side, to one row of them together.

    Each modality is compressed, projected and normalized; a learned vector takes the place of an absent one.
    `concat` puts the vectors side by side. `gated` adds them up by weights, like gated multimodal units (Arevalo et
    al. 2017, arXiv 1702.01992), but by which modalities are there and how unusual each is, not by all features. In
    `cross_attention` each looks at the others (Tsai et al. 2019, arXiv 1906.00295). `late` leaves the rows to
    `heads.late_fusion.build_head`. In training some modalities are hidden, as if they were absent (ModDrop: Neverova
    et al. 2015, arXiv 1501.00102).

    Args:
        sizes: number of features of each modality, in their order.
        how: one of `FUSIONS`.
        width: features of each modality after its projection, and of the fused row.
        components: principal components that are kept of each modality; `principal_components` gives the weights of
            the layer `COMPRESS` + its name, which does not train.
        modality_dropout: probability that a modality is hidden from a training step, 0..1.
        noise: standard deviation of the noise that is added to gated sums in training.

    Raises:
        ValueError: an unknown fusion, or a dropout outside [0, 1).

    Example:
        >>> fused = Fusion({"image": 5, "text": 3}, "gated", width=8)(keras.Input((10,)))
        >>> fused["pooled"].shape
        (None, 8)
    """

    sizes: Mapping[str, int]
    how: str = "gated"
    width: int = 64
    components: int = 16
    modality_dropout: float = 0.0
    noise: float = 1.0

    def __post_init__(self) -> None:
        if self.how not in FUSIONS or not 0 <= self.modality_dropout < 1:
            raise ValueError(
                f"fusion '{self.how}' with a modality dropout of {self.modality_dropout}: give one of "
                f"{', '.join(FUSIONS)}, and a dropout of at least 0 and below 1"
            )

    def __call__(self, rows: keras.KerasTensor) -> dict[str, keras.KerasTensor]:
        """Return {"pooled": (batch, width)}; of late fusion {"late": the rows}.

        Args:
            rows: (batch, D + M) float32: the features of each of M modalities, then for each 1 where it is there.
        """
        if self.how == "late":
            return {"late": layers.Identity(name="fusion_rows")(rows)}
        present = rows[:, -len(self.sizes) :]
        if self.modality_dropout:  # what is left of a presence is scaled by dropout; its sign is not
            present = ops.sign(layers.Dropout(self.modality_dropout, name="fusion_hide")(present))
        parts = self._compress(rows)
        vectors = self._project(parts, present)
        if self.how == "gated":
            fused = self._gated(vectors, self._describe(parts, present))
        else:
            fused = self._attend(vectors) if self.how == "cross_attention" else _join(vectors)
        return {"pooled": layers.Dense(self.width, "relu", name="fusion_hidden")(fused)}

    def _compress(self, rows: keras.KerasTensor) -> list[keras.KerasTensor]:
        """Return the principal components of each modality, (batch, components)."""
        found, start = [], 0
        for name, size in self.sizes.items():
            compress = layers.Dense(min(size, self.components), name=f"{COMPRESS}{name}", trainable=False)
            found.append(compress(rows[:, start : start + size]))
            start += size
        return found

    def _project(
        self, parts: Sequence[keras.KerasTensor], present: keras.KerasTensor
    ) -> list[keras.KerasTensor]:
        """Return a vector of each modality, (batch, width)."""
        found = []
        for number, (name, known) in enumerate(zip(self.sizes, parts, strict=True)):
            # Without a bias, and normalized: a modality cannot make itself constant, only a gate can silence it.
            known = layers.Dense(self.width, use_bias=False, name=f"fusion_project_{name}")(known)
            known = layers.LayerNormalization(center=False, scale=False, name=f"fusion_norm_{name}")(known)
            here = present[:, number : number + 1]
            absent = layers.Dense(self.width, use_bias=False, name=f"fusion_absent_{name}")(1.0 - here)
            found.append(known * here + absent)
        return found

    def _describe(self, parts: Sequence[keras.KerasTensor], present: keras.KerasTensor) -> keras.KerasTensor:
        """Return (batch, 2 M): which modalities are there, and how unusual each is.

        With all features as input, gates would compute the answer themselves, and not say what a modality is worth.
        """
        unusual = [ops.log(1.0 + ops.mean(ops.square(part), axis=-1, keepdims=True)) for part in parts]
        return ops.concatenate([present, ops.concatenate(unusual, axis=-1) * present], axis=-1)

    def _gated(self, vectors: Sequence[keras.KerasTensor], about: keras.KerasTensor) -> keras.KerasTensor:
        score = layers.Dense(len(vectors), **GATE, name="fusion_gate_logits")  # equal weights at first
        gates = score(about)
        gates = layers.Softmax(name=GATES)(gates * STEEP)
        fused = ops.sum(ops.stack(vectors, axis=1) * ops.expand_dims(gates, -1), axis=1)
        # All vectors are of one length: against noise, a modality that does not help wastes its share of the signal.
        if self.noise:
            fused = layers.GaussianNoise(1.0, name="fusion_noise")(fused * (1 / self.noise))
        return layers.LayerNormalization(name="fusion_sum")(fused)

    def _attend(self, vectors: Sequence[keras.KerasTensor]) -> keras.KerasTensor:
        tokens = ops.stack(vectors, axis=1)
        attend = layers.MultiHeadAttention(HEADS, max(1, self.width // HEADS), name="fusion_attention")
        tokens = layers.LayerNormalization(name="fusion_attended")(tokens + attend(tokens, tokens))
        return layers.Flatten(name="fusion_tokens")(tokens)


def _join(vectors: Sequence[keras.KerasTensor]) -> keras.KerasTensor:
    return layers.Concatenate(name="fusion_joined")(vectors)


def principal_components(rows: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return kernel (D, K) and bias (K,) of a layer that gives the first principal components, float32.

    Few labeled rows cannot tell which of thousands of features matter. Features are standardized first: they may have
    different units. The components together have a mean square of 1; where there are fewer than `count`, the rest is 0.

    Args:
        rows: (N, D) float32, features of one modality where it is there.
        count: K.

    Example:
        >>> kernel, bias = principal_components(np.array([[0.0, 3.0], [2.0, 3.0], [4.0, 3.0]]), 1)
        >>> np.abs(np.array([[0.0, 3.0], [4.0, 3.0]]) @ kernel + bias).round(2).tolist()
        [[1.22], [1.22]]
    """
    rows = np.asarray(rows, np.float64)
    mean, spread = rows.mean(axis=0), rows.std(axis=0)
    spread = np.maximum(spread, LEAST_SPREAD * np.sqrt(np.mean(np.square(spread)))) + 1e-9
    _, _, axes = np.linalg.svd((rows - mean) / spread, full_matrices=False)
    kernel = np.zeros((rows.shape[1], count))
    kernel[:, : min(count, len(axes))] = axes[:count].T / spread[:, None]
    scores = (rows - mean) @ kernel
    kernel /= max(float(np.sqrt(np.mean(np.square(scores)))), 1e-6)
    return kernel.astype(np.float32), (-mean @ kernel).astype(np.float32)
