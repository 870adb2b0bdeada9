"""BentoML with the detector of serving_peers.py.

BENCHMARK_MODEL=FOLDER python -m bentoml serve benchmarks.serving_bentoml:Service --host 127.0.0.1 --port PORT
"""

import os
from pathlib import Path

import bentoml

from benchmarks.serving_peers import Detector


@bentoml.service(workers=1, threads=os.cpu_count() or 1, traffic={"timeout": 60, "max_concurrency": 128})
class Service:
    """The detector."""

    def __init__(self) -> None:
        self.detector = Detector(Path(os.environ["BENCHMARK_MODEL"]))

    @bentoml.api(route="/predict")
    def predict(self, content: Path) -> dict:
        """Return the answer of an image file."""
        return self.detector.answer([self.detector.prepare(content.read_bytes())])[0]
