"""The load test counts what a server does, told by a server that does it on purpose."""

import asyncio
import os

import pytest

from benchmarks.load_test import memory_mb, run_load


async def serve(behaviour):
    """Start a server; `behaviour` maps the number of a request to its raw answer, None to break the connection."""
    seen = []

    async def handle(reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.decode().lower().split("content-length: ")[1].split("\r\n")[0])
                seen.append((head.decode(), await reader.readexactly(length)))
                answer = behaviour(len(seen))
                if answer is None:
                    break
                writer.write(answer)
        except (EOFError, OSError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1], seen


def run(behaviour, clients=1, seconds=0.3, **options):
    """Return (load, requests that the server saw)."""

    async def both():
        server, port, seen = await serve(behaviour)
        async with server:
            url = f"http://127.0.0.1:{port}/predict"
            load = await run_load(url, [b"one", b"three"], clients, seconds, **options)
        return load, seen

    return asyncio.run(both())


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def test_answers_are_counted_and_bodies_sent_in_turn():
    """With their cameras and headers; content in chunks is read, too."""
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    load, seen = run(lambda n: chunks if n % 2 else OK, headers=["X-Key: k"], cameras=2)
    assert load.statuses[200] == len(load.latencies) == len(seen) > 2
    assert [body for _, body in seen[:3]] == [b"one", b"three", b"one"]
    assert "X-Key: k" in seen[0][0]
    assert "X-Camera: camera1" in seen[1][0]
    assert (load.lost, load.retries) == (0, 0)


def test_a_broken_connection_is_one_retry_and_two_are_a_lost_request():
    """A server that dies in between loses nothing that is sent again."""
    load, _ = run(lambda n: None if n == 2 else OK)
    assert (load.retries, load.lost) == (1, 0)
    load, _ = run(lambda n: None if n in (2, 3) else OK, seconds=0.5)
    assert (load.retries, load.lost) == (1, 1)


def test_refusals_wait_as_long_as_the_server_says():
    """And are no errors."""
    refused = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 10\r\nContent-Length: 0\r\n\r\n"
    load, seen = run(lambda n: refused, clients=3)
    assert load.statuses == {429: 3}
    assert len(seen) == 3
    assert "| 3 | 0 | 0 | 0 | - |" in load.row()


def test_memory_is_that_of_the_process():
    """Of this one: more than Python alone takes."""
    if not os.path.exists("/proc/self/statm"):
        pytest.skip("needs /proc")
    assert 10 < memory_mb(os.getpid()) < 100_000
