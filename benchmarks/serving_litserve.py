"""LitServe with the detector of serving_peers.py: batches of whatever waits.

python benchmarks/serving_litserve.py FOLDER PORT
"""

import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import litserve  # noqa: E402
from fastapi import Request  # noqa: E402

from benchmarks.serving_peers import BATCH, Detector  # noqa: E402


class Service(litserve.LitAPI):
    """The detector; takes a form with the field `content`."""

    def setup(self, device: str) -> None:
        """Load the model."""
        self.detector = Detector(Path(os.environ["BENCHMARK_MODEL"]))

    def decode_request(self, request: Request) -> Any:
        """Return the example."""
        return self.detector.prepare(request["content"].file.read())

    def batch(self, inputs: list[Any]) -> list[Any]:
        """Keep examples apart; the detector joins them."""
        return inputs

    def predict(self, x: list[Any]) -> list[Any]:
        """Return their answers."""
        return self.detector.answer(x)

    def unbatch(self, output: list[Any]) -> list[Any]:
        """Return them one by one."""
        return output

    def encode_response(self, output: Any) -> Any:
        """Return what becomes JSON."""
        return output


if __name__ == "__main__":
    os.environ["BENCHMARK_MODEL"] = sys.argv[1]
    server = litserve.LitServer(
        Service(max_batch_size=BATCH, batch_timeout=0.0), accelerator="cpu", workers_per_device=1, timeout=60
    )
    server.run(host="127.0.0.1", port=int(sys.argv[2]), generate_client_file=False, log_level="warning")
