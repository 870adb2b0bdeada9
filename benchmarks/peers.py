"""Contenders that are other libraries, each in a process of its own, since PyTorch and TensorFlow do not mix.

That process loads one library and no TensorFlow; it has as many workers as there are cores. A peer that is not
installed, or does not load, says so and is left out.
"""

from __future__ import annotations

import itertools
import multiprocessing
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from benchmarks.jpeg_files import Job

ENDLESS = 1_000_000_000
INSTALL = {
    "albumentations": "pip install albumentations opencv-python-headless",
    "torchvision": "pip install torch torchvision",
}


class Unavailable(Exception):
    """A library is not installed or does not load."""


def albumentations_chain(job: Job, standard: bool) -> Callable[[str], np.ndarray]:
    """Return what turns a file into (h, w, 3) uint8, with albumentations' transforms and OpenCV's decoder."""
    import albumentations as A
    import cv2

    cv2.setNumThreads(0)
    aspect = job.image_hw[1] / job.image_hw[0]
    crop = A.RandomResizedCrop(
        job.size_hw, scale=(0.25, 1.0), ratio=(aspect * 0.99, aspect * 1.01), p=0.5 if standard else 1.0
    )
    moves = {"rotate": (-10, 10), "scale": (0.7, 1.2), "translate_percent": (-0.1, 0.1)}
    colours = [
        A.RandomGamma((70, 140), p=0.3),
        A.ColorJitter((0.85, 1.15), (0.7, 1.3), (0.5, 1.5), (-0.04, 0.04), p=0.7),
        A.ToGray(p=0.05),
        A.GaussNoise(std_range=(0.0, 0.04), p=0.3),
    ]
    steps = [crop, A.Resize(*job.size_hw), A.HorizontalFlip(p=0.5)]
    steps += [A.Affine(**moves, shear=(-3, 3), p=1.0), *colours] if standard else [A.Affine(**moves, p=1.0)]
    chain = A.Compose(steps)
    return lambda path: chain(image=cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB))["image"]


_WORKER: dict[str, Any] = {}  # what a worker process of the pool holds


def _start_worker(job: Job, standard: bool, memory: Any) -> None:
    shape = (-1, job.batch_size, *job.size_hw, 3)
    _WORKER.update(job=job, chain=albumentations_chain(job, standard))
    _WORKER["slots"] = np.frombuffer(memory, np.uint8).reshape(shape)


def _fill(number: int) -> int:
    job, slots = _WORKER["job"], _WORKER["slots"]
    for place, batch in enumerate(slots[number % len(slots)]):
        batch[:] = _WORKER["chain"](job.paths[(number * job.batch_size + place) % len(job.paths)])
    return job.batch_size


def albumentations_batches(job: Job, standard: bool) -> Iterator[int]:
    """Yield batch sizes; each worker makes whole batches into shared memory, which costs less than pickling."""
    slots = 2 * job.cores
    memory = multiprocessing.RawArray("B", slots * job.batch_size * int(np.prod(job.size_hw)) * 3)
    pool = ProcessPoolExecutor(job.cores, initializer=_start_worker, initargs=(job, standard, memory))
    try:
        waiting = deque(pool.submit(_fill, number) for number in range(slots))
        for number in itertools.count(slots):
            yield waiting.popleft().result()
            waiting.append(pool.submit(_fill, number))
    finally:
        pool.shutdown(cancel_futures=True)


class _TorchImages:
    # A map-style data set: a file decoded by torchvision and moved by its transforms v2.
    def __init__(self, job: Job, standard: bool):
        import torch
        from torchvision.transforms import v2

        aspect, smooth = job.image_hw[1] / job.image_hw[0], v2.InterpolationMode.BILINEAR
        crop = v2.RandomResizedCrop(job.size_hw, scale=(0.25, 1.0), ratio=(aspect * 0.99, aspect * 1.01))
        moves = {"translate": (0.1, 0.1), "scale": (0.7, 1.2), "interpolation": smooth}
        move = v2.RandomAffine(10, shear=(-3, 3, -3, 3) if standard else None, **moves)
        steps = [v2.RandomApply([crop], 0.5) if standard else crop, v2.Resize(job.size_hw)]
        steps += [v2.RandomHorizontalFlip(), move]
        if standard:  # there is no gamma
            noise = [v2.ToDtype(torch.float32, scale=True), v2.GaussianNoise(sigma=0.02)]
            noise += [v2.ToDtype(torch.uint8, scale=True)]
            steps += [v2.RandomApply([v2.ColorJitter(0.15, 0.3, 0.5, 0.04)], 0.7), v2.RandomGrayscale(0.05)]
            steps += [v2.RandomApply(noise, 0.3)]
        self.paths, self.chain = job.paths, v2.Compose(steps)

    def __len__(self) -> int:
        return ENDLESS

    def __getitem__(self, number: int) -> Any:
        from torchvision import io

        contents = io.read_file(self.paths[number % len(self.paths)])
        return self.chain(io.decode_jpeg(contents, mode=io.ImageReadMode.RGB))


def torchvision_batches(job: Job, standard: bool) -> Iterator[int]:
    """Yield batch sizes of a DataLoader; its workers use one thread each."""
    from torch.utils.data import DataLoader

    images = _TorchImages(job, standard)
    for batch in DataLoader(images, batch_size=job.batch_size, num_workers=job.cores):
        yield batch.shape[0]


def _load_albumentations() -> str:
    import albumentations
    import cv2

    return f"albumentations {albumentations.__version__}, OpenCV {cv2.__version__}"


def _load_torchvision() -> str:
    import torch
    import torchvision
    from torchvision.transforms import v2  # noqa: F401

    torch.set_num_threads(1)
    return f"torchvision {torchvision.__version__}, torch {torch.__version__}"


LIBRARIES: dict[str, tuple[Callable[[], str], Callable[[Job, bool], Iterator[int]]]] = {
    "albumentations": (_load_albumentations, albumentations_batches),
    "torchvision": (_load_torchvision, torchvision_batches),
}


def _serve(connection: Connection, library: str) -> None:
    # The peer's process: first what was loaded, or why not; then batch sizes, whenever and as long as asked.
    load, make = LIBRARIES[library]
    try:
        connection.send((True, load()))
    except (ImportError, RuntimeError, OSError) as error:  # absent, or built for another version of a part
        connection.send((False, str(error).splitlines()[0]))
        return
    while (asked := connection.recv()) is not None:
        batches = make(*asked)
        for count in batches:
            connection.send(count)
            if connection.poll():
                connection.recv()
                break
        batches.close()
        connection.send(None)


class Peer:
    """The process of one library.

    Attributes:
        versions: of what was loaded.
    """

    def __init__(self, library: str):
        """Start the process, or raise Unavailable with the reason and how to install the library."""
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, library), name=library)
        self._process.start()
        theirs.close()
        try:
            loaded, self.versions = self._connection.recv()
        except EOFError:
            loaded, self.versions = False, "its process ended"
        if not loaded:
            self._process.join()
            raise Unavailable(f"{library} left out ({self.versions}): {INSTALL[library]}")

    def stream(self, job: Job, standard: bool) -> Iterator[int]:
        """Yield the number of images of each batch; RuntimeError when the process fails."""
        self._connection.send((job, standard))
        try:
            while True:
                yield self._connection.recv()
        except GeneratorExit:
            self._connection.send("enough")
            while self._connection.recv() is not None:
                pass
        except EOFError:
            raise RuntimeError(
                f"the process of {self._process.name} failed: its own words are above"
            ) from None

    def close(self) -> None:
        """End the process."""
        if self._process.is_alive():
            self._connection.send(None)
        self._process.join()
