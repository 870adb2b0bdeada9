"""The stages of watch are measured on the same frames."""

import json
import shutil

from benchmarks.watch_throughput import measure
from cityzoo.watch.detector import Detector
from tests.cityzoo.redact.conftest import white_cells
from tests.cityzoo.watch.conftest import write_video

__all__ = ["white_cells"]


def test_every_stage_and_the_whole_have_a_rate(white_cells, tmp_path):
    shutil.copytree(white_cells, tmp_path / "cells")
    about = json.loads((tmp_path / "cells/preprocessing.json").read_text())
    (tmp_path / "cells/preprocessing.json").write_text(json.dumps(about | {"thresholds": {"best F1": 0.8}}))
    video = write_video(tmp_path / "road.mp4", [index / 25 for index in range(20)])
    rates = measure(str(video), Detector(tmp_path / "cells"))
    assert list(rates) == ["decode", "detect", "track", "together"]
    assert all(rate > 0 for rate in rates.values())
