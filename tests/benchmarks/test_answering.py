"""The benchmark of answers runs, on few passages."""

import numpy as np

from benchmarks.answering import make_passages, measure
from cityzoo.answer.index import PassageIndex


def test_passages_are_found_again_and_timed():
    passages = make_passages(200)
    index = PassageIndex(passages)
    assert index.match(passages[7].question).passages[0].key == "7"
    found = measure(index.match, [each.question for each in passages[:8]], 1)
    assert 0 < found["p50"] <= found["p95"] and np.isfinite(found["cpu_p50"])
