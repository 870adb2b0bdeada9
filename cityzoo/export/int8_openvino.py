"""Post-training int8 for OpenVINO, by NNCF on the ONNX file: symmetric weights, asymmetric activations ("mixed")."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.export.int8_onnx import Feeds, OnnxGraph
from cityzoo.export.int8_search import QuantizedFile, Recipe, search_recipes, silence
from cityzoo.export.write import onnx_to_openvino
from cityzoo.runtime.packages import require

RECIPES = (Recipe("int7"), Recipe("int8"))


def quantize_openvino(
    source: Path,
    path: Path,
    batches: Iterable[np.ndarray | Feeds],
    evaluate: Callable[[Path], float],
    least: float,
    keep_float: Sequence[str] = (),
) -> QuantizedFile:
    """Quantize an ONNX file with float weights into an OpenVINO IR; arguments as those of `quantize_onnx`.

    Raises:
        InputError: NNCF, OpenVINO or ONNX Runtime is missing.
    """
    for package in ("nncf", "openvino", "onnxruntime"):
        require(package, "--format openvino --int8")
    with tempfile.TemporaryDirectory(prefix="cityzoo-") as folder:
        graph = OnnxGraph(source, batches, keep_float, Path(folder))

        def write(recipe: Recipe, target: Path) -> None:
            import onnx

            made = _quantize(graph, recipe)
            file = Path(folder, "quantized.onnx")
            onnx.save(made, file)
            onnx_to_openvino(file, target)

        return search_recipes(RECIPES, graph.last_layers, graph.measure_layers, write, evaluate, least, path)


def _quantize(graph: OnnxGraph, recipe: Recipe) -> Any:
    import logging

    import nncf
    import onnx
    from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters, OverflowFix

    logging.getLogger("nncf").setLevel(logging.ERROR)
    kept = [key for key, name in graph.names.items() if name in recipe.kept]
    rows = list(graph.rows())
    # Half of the range of weights: on AVX2 without VNNI sums of products would saturate.
    fix = OverflowFix.ENABLE if recipe.weights == "int7" else OverflowFix.FIRST_LAYER
    with silence():
        return nncf.quantize(
            onnx.load(graph.prepared),
            nncf.Dataset(rows),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(rows),
            ignored_scope=nncf.IgnoredScope(names=[*graph.tail, *kept], validate=False),
            advanced_parameters=AdvancedQuantizationParameters(overflow_fix=fix),
        )
