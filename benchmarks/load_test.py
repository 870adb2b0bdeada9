#!/usr/bin/env python3
"""Measure a model server under load: latency percentiles, rate, refused and lost requests, memory.

    python benchmarks/load_test.py http://127.0.0.1:8000/predict images/ --clients 1,8,32,64 --seconds 30 --pid 1234

Each client sends one image after the other over its own connection. When it is refused (429), it waits as Retry-After
says. A connection that breaks is opened again and its request sent once more; what fails then is lost. Clients and
server share the processor if they run on one machine: only compare rows of one run.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

LONGEST = 60.0  # seconds until a request counts as lost
IMAGES = 200


@dataclass
class Load:
    """What came of the requests of some clients."""

    clients: int
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)  # of answers with status 200
    statuses: Counter[int] = field(default_factory=Counter)
    retries: int = 0
    lost: int = 0
    cpu_seconds: float = 0.0  # of the server, where it is measured
    memory_mb: list[float] = field(default_factory=list)  # of the server, each second

    def row(self) -> str:
        """Return a row of the table."""
        p50, p95, p99 = np.percentile(self.latencies or [np.nan], (50, 95, 99)) * 1000
        errors = sum(count for status, count in self.statuses.items() if status not in (200, 429))
        tail = self.memory_mb[len(self.memory_mb) // 10 :]  # after the first tenth
        memory = f"{min(tail):.0f} to {max(tail):.0f}" if tail else "-"
        return (
            f"| {self.clients} | {len(self.latencies) / self.seconds:.1f} | {p50:.1f} | {p95:.1f} | {p99:.1f} | "
            f"{p99 / p50:.2f} | {self.statuses[429]} | {errors} | {self.retries} | {self.lost} | {memory} |"
        )


HEADER = (
    "| clients | answers/s | p50 ms | p95 ms | p99 ms | p99/p50 | 429 | errors | sent again | lost | server MB |\n"
    "|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
)


async def send(host: str, port: int, message: bytes, connection: list) -> tuple[int, dict[str, str]]:
    """Send a request over a connection that stays open; return status and headers.

    Raises:
        OSError, EOFError: the connection broke.
    """
    if not connection:
        connection.extend(await asyncio.open_connection(host, port))
    reader, writer = connection
    writer.write(message)
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)
    }
    if headers.get("transfer-encoding") == "chunked":
        while size := int((await reader.readline()).split(b";")[0], 16):
            await reader.readexactly(size + 2)
        await reader.readline()
    else:
        await reader.readexactly(int(headers.get("content-length", 0)))
    if headers.get("connection", "").lower() == "close":
        disconnect(connection)
    return int(head[0].split()[1]), headers


def disconnect(connection: list) -> None:
    """Close a connection; the next request opens another."""
    if connection:
        connection[1].close()
        connection.clear()


async def run_client(
    load: Load, host: str, port: int, messages: Sequence[bytes], first: int, until: float
) -> None:
    """Send requests one after the other until a time."""
    connection: list = []
    number = first
    while time.perf_counter() < until:
        message, started = messages[number % len(messages)], time.perf_counter()
        number += 1
        for attempt in range(2):
            try:
                status, headers = await asyncio.wait_for(send(host, port, message, connection), LONGEST)
            except (OSError, EOFError, ValueError, asyncio.TimeoutError):
                status, headers = 0, {}
                disconnect(connection)
            if status not in (0, 500, 502, 503) or attempt:
                break
            disconnect(connection)
            load.retries += 1
            await asyncio.sleep(0.2)
        load.statuses[status] += status != 0
        load.lost += status == 0
        if status == 200:
            load.latencies.append(time.perf_counter() - started)
        elif status == 429:
            await asyncio.sleep(min(float(headers.get("retry-after", 1)), until - time.perf_counter(), 30))
    disconnect(connection)


def list_processes(pid: int) -> list[int]:
    """Return a process and all below it; Linux only."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += list_processes(int(child))
    return found


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process and all below it, in MB; Linux only."""
    pages = (Path(f"/proc/{each}/statm").read_text().split()[1] for each in list_processes(pid))
    return sum(map(int, pages)) * os.sysconf("SC_PAGE_SIZE") / 1e6


async def watch_memory(load: Load, pid: int | None, until: float) -> None:
    """Record the server's memory each second."""
    while pid and time.perf_counter() < until:
        try:
            load.memory_mb.append(memory_mb(pid))
        except OSError:
            return
        await asyncio.sleep(1)


async def run_load(
    url: str,
    bodies: Sequence[bytes],
    clients: int,
    seconds: float,
    headers: Sequence[str] = (),
    pid: int | None = None,
    cameras: int = 0,
    content_type: str = "image/jpeg",
) -> Load:
    """Return what came of some clients' requests.

    Args:
        url: such as http://127.0.0.1:8000/predict.
        bodies: of the requests, sent in turn.
        clients: at a time.
        seconds: for which new requests are sent.
        headers: more lines, such as "Authorization: Bearer ...".
        pid: of the server, whose memory is recorded.
        cameras: number of cameras that the requests name in turn; 0: none.
        content_type: of the bodies.
    """
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def message(number: int, body: bytes) -> bytes:
        lines = [f"POST {path} HTTP/1.1", f"Host: {parts.netloc}", *headers, f"Content-Type: {content_type}"]
        lines += [f"X-Camera: camera{number % cameras}"] if cameras else []
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body

    messages = [message(number, body) for number, body in enumerate(bodies)]
    load, started = Load(clients), time.perf_counter()
    until, step = started + seconds, max(1, len(messages) // clients)
    work = [
        run_client(load, parts.hostname or "", parts.port or 80, messages, n * step, until)
        for n in range(clients)
    ]
    await asyncio.gather(watch_memory(load, pid, until), *work)
    load.seconds = time.perf_counter() - started
    return load


def read_bodies(folder: Path) -> list[bytes]:
    """Return the JPEG files of a folder, or of the one file that it is."""
    files = (
        [folder] if folder.is_file() else sorted([*folder.rglob("*.jpg"), *folder.rglob("*.jpeg")])[:IMAGES]
    )
    if not files:
        sys.exit(f"no JPEG files in {folder}")
    return [file.read_bytes() for file in files]


def main() -> int:
    """Measure and print the table; exit code 1 if a request was lost or ended in another error than 429."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("url", help="that takes an image, such as http://127.0.0.1:8000/predict")
    add("images", type=Path, help="folder of JPEG files, or one")
    add("--clients", default="1,8,32,64", help="numbers of clients (default: %(default)s)")
    add("--seconds", type=float, default=10, help="for each number of clients (default: %(default)g)")
    add("--pid", type=int, help="of the server, whose memory is recorded")
    add("--header", action="append", default=[], help="such as 'Authorization: Bearer ...'; may be repeated")
    add("--cameras", type=int, default=0, help="that the requests name in turn (default: none)")
    flags = parser.parse_args()
    bodies = read_bodies(flags.images)
    asyncio.run(run_load(flags.url, bodies, 1, 1, flags.header))  # warm-up
    print(HEADER)
    is_good = True
    for clients in map(int, flags.clients.split(",")):
        load = asyncio.run(
            run_load(flags.url, bodies, clients, flags.seconds, flags.header, flags.pid, flags.cameras)
        )
        print(load.row(), flush=True)
        is_good = is_good and not load.lost and set(load.statuses) <= {200, 429}
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
