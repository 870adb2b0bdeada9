"""Rows whose modalities disagree, by hand."""

import numpy as np
import pytest

from cityzoo.data.multimodal import MultimodalRow, MultimodalSet
from cityzoo.modalities.multimodal.worth import measure_conflicts
from cityzoo.outputs.fused_classification import FusedClassification


def test_conflicts_by_hand():
    """Rows 1 and 2 disagree; row 3 lacks the text, so that it cannot. The model follows the sensor, right once."""
    present = [[1, 1], [1, 1], [1, 1], [0, 1]]
    true, text, sensor, fused = [0, 0, 1, 1], [0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1]
    rows = tuple(
        MultimodalRow(f"{n}", {}, np.eye(2)[true[n]], features=np.array([0, 0, *present[n]], np.float32))
        for n in range(4)
    )
    examples = MultimodalSet("val", ("a", "b"), rows, {"text": 1, "sensor": 1})
    shares = {("text", "sensor"): fused, ("text",): text, ("sensor",): sensor}
    results = {kept: list(np.eye(2)[answers]) for kept, answers in shares.items()}
    found = measure_conflicts(FusedClassification(("a", "b")), examples, results, np.ones((3, 4)))
    assert found["n"] == 2 and found["share"]["value"] == 0.5
    assert found["accuracy"]["value"] == 0.5 and found["agreeing"]["value"] == 1
    assert found["modalities"]["sensor"]["followed"]["value"] == 1
    assert found["modalities"]["sensor"]["right"]["value"] == 0.5
    assert found["modalities"]["text"]["followed"]["value"] == 0
    assert found["modalities"]["text"]["right"]["value"] == pytest.approx(0.5)
