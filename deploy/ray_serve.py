#!/usr/bin/env python3
"""Serve models with as many processes as there are requests: python deploy/ray_serve.py --replicas 1-4 -- models/."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # where the package is not installed

from cityzoo import cli  # noqa: E402
from cityzoo.cli.values import parse_count, parse_number  # noqa: E402
from cityzoo.commands.serve import parse_settings  # noqa: E402
from cityzoo.errors import InputError  # noqa: E402
from cityzoo.serve.settings import Settings  # noqa: E402

LOG = logging.getLogger(__name__)
NAME = "cityzoo"
LOAD_SECONDS = 120  # for the models of a replica
# Ray answers 503 when its own queue is full; the application's 429 with Retry-After must come first.
ROOM = 2


def parse_replicas(text: str) -> tuple[int, int]:
    """Read how many replicas there are at least and at most.

    Raises:
        InputError: not such a range.

    Example:
        >>> parse_replicas("1-4"), parse_replicas("2")
        ((1, 4), (2, 2))
    """
    low, _, high = text.partition("-")
    least, most = parse_count(low), parse_count(high or low)
    if least > most:
        raise InputError(f"'{text}': expected at least-at most, e.g. 1-4")
    return least, most


def parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, Settings]:
    """Parse the flags of this command, and those of `python -m cityzoo serve` after `--`.

    Raises:
        InputError: flags that are wrong, or not served by Ray.

    Example:
        >>> flags, settings = parse(["--replicas", "2", "--", "models/", "--max-queue", "8"])
        >>> flags.replicas, settings.models.name, settings.max_queue
        ((2, 2), 'models', 8)
    """
    parser = cli.Parser(
        prog="ray_serve.py",
        description="Serve models in several processes of a Ray cluster, as many as there are requests. MODELS must "
        "have the same path on every machine.",
        epilog="Everything after -- is that of python -m cityzoo serve; see its --help.",
        allow_abbrev=False,
    )
    replicas, count, number = map(cli.argparse_type, (parse_replicas, parse_count, parse_number))
    add = parser.add_argument
    add("--replicas", type=replicas, default=(1, 4), metavar="N-M", help="processes (default: 1-4)")
    add(
        "--target",
        type=count,
        default=4,
        metavar="N",
        help="requests in a replica that are enough (default: 4)",
    )
    add("--cpus", type=number, default=1.0, metavar="N", help="CPU cores of each replica (default: 1)")
    split = list(arguments).index("--") if "--" in arguments else len(arguments)
    flags, settings = parser.parse_args(arguments[:split]), parse_settings(arguments[split + 1 :])
    if settings.tls_certificate:
        raise InputError(
            "Ray Serve has no TLS: put a proxy that has it in front, and leave out --tls-certificate"
        )
    return flags, settings


def build(settings: Settings) -> Callable[[], Any]:
    """Return what makes the application in a replica, where its models are loaded before it is given requests."""

    def make() -> Any:
        from cityzoo.serve.app import make_app
        from cityzoo.serve.server import make_services

        services = make_services(settings)
        until = time.monotonic() + LOAD_SECONDS
        while not services.repository.is_ready:
            if time.monotonic() > until:
                raise InputError(f"no model is ready after {LOAD_SECONDS} s: {services.repository.index()}")
            time.sleep(0.05)
        return make_app(services)

    return make


def options(flags: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """Return the options of the deployment: processes by the mean number of requests that are in a replica."""
    least, most = flags.replicas
    return {
        "name": NAME,
        "max_ongoing_requests": ROOM * settings.max_queue,
        "graceful_shutdown_timeout_s": settings.timeout_seconds + settings.drain_seconds,
        "health_check_period_s": 2,
        "health_check_timeout_s": 10,
        "ray_actor_options": {"num_cpus": flags.cpus},
        "autoscaling_config": {
            "min_replicas": least,
            "initial_replicas": least,
            "max_replicas": most,
            "target_ongoing_requests": flags.target,
            "metrics_interval_s": 2,
            "look_back_period_s": 10,
            "upscale_delay_s": 5,
            "downscale_delay_s": 60,
        },
    }


def start(flags: argparse.Namespace, settings: Settings) -> None:
    """Start the replicas and return when they are ready.

    Raises:
        InputError: Ray Serve is not installed.
    """
    try:
        import ray
        from ray import serve
    except ImportError as error:
        raise InputError(f'Ray Serve is not installed ({error}): pip install "cityzoo[ray-serve]"') from error
    ray.init(runtime_env={"env_vars": {"PYTHONPATH": str(ROOT)}}, ignore_reinit_error=True)
    serve.start(http_options={"host": settings.host, "port": settings.port})
    deployment = serve.deployment(serve.ingress(build(settings))(), **options(flags, settings))
    serve.run(deployment.bind(), name=NAME, route_prefix="/")
    LOG.info("ready: http://%s:%d", settings.host, settings.port)


def main(arguments: Sequence[str]) -> int:
    """Serve until Ctrl+C or SIGTERM."""
    flags, settings = parse(arguments)
    start(flags, settings)
    import signal
    import threading

    from ray import serve

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        stop.wait()
    except KeyboardInterrupt:
        LOG.info("stopping")
    serve.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(cli.run(main, sys.argv[1:], "ray_serve.py"))
