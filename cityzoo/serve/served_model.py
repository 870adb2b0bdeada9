"""One version of a model, checked, warmed up, and with its queue."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.errors import InputError
from cityzoo.monitor.reference import Reference, read_reference
from cityzoo.runtime import exported_folder
from cityzoo.runtime.base_model import RuntimeModel
from cityzoo.runtime.detection_outputs import restorer
from cityzoo.runtime.runtime_model import open_model
from cityzoo.runtime.text_input import paddings, run_by_length
from cityzoo.security.policy import Policy, find_policy
from cityzoo.serve.batching import EXPIRED, Arrays, Batcher
from cityzoo.serve.http_errors import HttpError
from cityzoo.serve.input_kinds import make_input
from cityzoo.serve.request_inputs import RequestInput

if TYPE_CHECKING:
    from cityzoo.serve.settings import Settings

OpenRun = Callable[[Path], tuple[RuntimeModel, dict[str, Any]]]
LOG = logging.getLogger(__name__)
CLOSING_SECONDS = 30
PLACES = 2  # for decoded examples, besides those of two batches
SMOOTHING = 0.9  # of the mean time of an example, by which Retry-After is estimated


class ServedModel:
    """A version of a model.

    Args:
        name: as clients call it.
        version: from 1.
        path: folder that `python -m cityzoo export` wrote.
        settings: of the server.
        observe_batch: called with the size of each batch.
        open_run: opens a run folder by Keras; None: exported folders are served only.

    Attributes:
        description: its preprocessing.json.
        file: the model in its runtime.
        digest: see `cityzoo.runtime.base_model.RuntimeModel.digest`.
        policy: rules of use next to it, see `cityzoo.security.policy`.
        reference: what its inputs and answers are compared with, see `cityzoo.monitor`.
        input: what it takes of a request.
        in_flight: requests that wait or are computed.
    """

    def __init__(
        self,
        name: str,
        version: int,
        path: Path,
        settings: Settings,
        observe_batch: Callable[[int], None] = lambda size: None,
        open_run: OpenRun | None = None,
    ) -> None:
        self._open_run = open_run
        self.name, self.version, self.path, self.settings = name, version, path, settings
        self.description: dict[str, Any] = {}
        self.digest = ""
        self.file: RuntimeModel
        self.input: RequestInput
        self.reference: Reference | None = None
        self.policy: Policy | None = None
        self.in_flight, self.is_ready = 0, False
        self._waiting, self._places = 0, asyncio.Semaphore(2 * settings.max_batch + PLACES)
        self.seconds_per_example = 0.05  # until the first ones are measured
        self._lock = threading.Lock()
        self._executor = ThreadPoolExecutor(1, f"{name}-{version}")
        self._batcher = Batcher(
            self._run, self._executor, settings.max_batch, settings.batch_delay_ms / 1000, observe_batch
        )

    def load(self) -> None:
        """Check signature, gate and probes, and compute a batch of each size.

        Raises:
            InputError: one of them fails; with the reason.
        """
        from cityzoo.security.encrypted_folder import open_protected

        with open_protected(self.path, self.settings.public_key, self.settings.encryption_key) as folder:
            self._load(folder)
            self.digest = self.file.digest  # the folder may be a copy that is gone soon
        self._warm_up()
        self.is_ready = True

    def _load(self, path: Path) -> None:
        folder = path.parent if path.is_file() else path
        try:
            self.reference = read_reference(folder)
        except InputError as error:  # it is served all the same
            LOG.warning("drift is not watched: %s", error)
        if not (folder / exported_folder.DESCRIPTION).is_file() and self._open_run is not None:
            self.file, self.description = self._open_run(path)
            self._read_input(folder)
            return
        about, proof = (
            exported_folder.read_document(folder, name)
            for name in (exported_folder.DESCRIPTION, exported_folder.PARITY)
        )
        if not proof.get("passed"):
            raise InputError(
                f"'{self.path}' failed its parity gate: export it again, or export another format"
            )
        restore = restorer(about["variant"], len(about["class_names"]))
        self.file, self.description = self._open(folder, about, restore), about
        wrong = exported_folder.find_failures(self.file, folder, about, proof)
        if wrong:
            raise InputError(
                f"'{self.path}' answers otherwise than when it was exported ({wrong[0]}): export it again"
            )
        self._read_input(folder)

    def _open(self, folder: Path, about: dict[str, Any], restore: Any) -> RuntimeModel:
        return open_model(folder / about["model"], self.settings.threads, restore, paddings(about))

    def _read_input(self, folder: Path) -> None:
        self.policy = find_policy(folder) or find_policy(self.path)
        if self.policy:
            self.policy.check("serve", str(self.description.get("task")), self.description["class_names"])
        self.input = make_input(self.description, folder, self.settings)
        self._batcher.padding = paddings(self.description)

    def _warm_up(self) -> None:
        feeds = {
            each.name: np.zeros([side or 1 for side in each.shape[1:]], each.dtype)
            for each in self.file.inputs
        }
        sizes = sorted(
            {1, self.settings.max_batch} | {2**n for n in range(int(math.log2(self.settings.max_batch)) + 1)}
        )
        for rows in sizes:
            batch = {name: np.repeat(array[None], rows, axis=0) for name, array in feeds.items()}
            self._run(batch)
            self._run(batch)

    def _run(self, feeds: Arrays) -> dict[str, np.ndarray]:
        started = time.perf_counter()
        found = run_by_length(self.file, feeds, self._batcher.padding)
        took = (time.perf_counter() - started) / len(next(iter(feeds.values())))
        self.seconds_per_example = SMOOTHING * self.seconds_per_example + (1 - SMOOTHING) * took
        return found

    def check_policy(self, camera: str | None) -> None:
        """Raise HttpError 403 if the model's policy has ended, or does not allow the camera."""
        try:
            if self.policy:
                self.policy.check_date()
                self.policy.check_place(camera)
        except InputError as error:
            raise HttpError(403, str(error)) from None

    @property
    def queue_length(self) -> int:
        """Return how many requests wait for the model."""
        return self._waiting + self._batcher.length

    @contextlib.contextmanager
    def admit(self) -> Iterator[None]:
        """Count a request in, from before its image is decoded until its answer is made.

        Raises:
            HttpError: 429, too many are in; 503, the version is being unloaded.
        """
        with self._lock:
            if not self.is_ready:
                raise HttpError(
                    503, f"model '{self.name}' version {self.version} is not ready: try again soon"
                )
            if self.in_flight >= self.settings.max_queue:
                wait = max(1, math.ceil(self.in_flight * self.seconds_per_example))
                raise HttpError(
                    429,
                    f"model '{self.name}' has {self.in_flight} requests at work, as many as are allowed: try again in "
                    f"{wait} s",
                    {"Retry-After": str(wait)},
                )
            self.in_flight += 1
        try:
            yield
        finally:
            with self._lock:
                self.in_flight -= 1

    @contextlib.asynccontextmanager
    async def place(self, deadline: float, seconds: dict[str, float]) -> AsyncIterator[None]:
        """Wait for one of the places for decoded examples: requests wait as the bytes they are, which are smaller.

        Args:
            deadline: in seconds of the event loop's clock.
            seconds: gets how long it waited, as `queue`.

        Raises:
            HttpError: 504, the deadline passed.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._waiting += 1
        try:
            await asyncio.wait_for(self._places.acquire(), deadline - began)
        except asyncio.TimeoutError:
            raise HttpError(504, EXPIRED) from None
        finally:
            self._waiting -= 1
            seconds["queue"] = loop.time() - began
        try:
            yield
        finally:
            self._places.release()

    async def infer(
        self, feeds: Arrays, deadline: float, seconds: dict[str, float] | None = None
    ) -> dict[str, np.ndarray]:
        """Return the outputs by name.

        Args:
            feeds: (rows, ...) by name, of the file's shapes and dtypes.
            deadline: in seconds of the event loop's clock.
            seconds: gets how long it waited, as `queue`.

        Raises:
            HttpError: 504, the deadline passed.
        """
        return await self._batcher.submit(feeds, deadline, seconds)

    def close(self) -> None:
        """Take no new requests, wait for those that are in, and free the model."""
        with self._lock:
            self.is_ready = False
        until = time.monotonic() + CLOSING_SECONDS
        while self.in_flight and time.monotonic() < until:
            time.sleep(0.02)
        self._batcher.stop()
        self._executor.shutdown(wait=False, cancel_futures=True)
