#!/usr/bin/env python3
"""Run train.py on the machines of a Ray cluster: python deploy/ray_train.py --workers 2 -- --data /data/my_camera."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # where the package is not installed

from cityzoo import cli  # noqa: E402
from cityzoo.commands.train_flags import parse_training  # noqa: E402
from cityzoo.errors import InputError  # noqa: E402
from cityzoo.fit import distributed  # noqa: E402


def parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Parse the flags of this command, and return those of train.py after `--`.

    Example:
        >>> flags, passed_on = parse(["--workers", "4", "--", "--data", "/data/my_camera"])
        >>> flags.workers, passed_on
        (4, ['--data', '/data/my_camera'])
    """
    parser = cli.Parser(
        prog="ray_train.py",
        description="Run train.py in several processes of a Ray cluster, on Keras' JAX backend. Repository, data and "
        "--out must have the same path on every machine.",
        epilog="Everything after -- is passed to train.py; see train.py --help.",
        allow_abbrev=False,
    )
    count = cli.argparse_type(_count)
    parser.add_argument(
        "--workers", type=count, default=2, metavar="N", help="processes, one per machine (default: 2)"
    )
    parser.add_argument("--gpus", type=int, default=0, metavar="N", help="GPUs of each process (default: 0)")
    parser.add_argument(
        "--cpus", type=count, default=1, metavar="N", help="CPU cores of each process (default: 1)"
    )
    parser.add_argument(
        "--retries",
        type=int,
        default=0,
        metavar="N",
        help="restarts after a failure, from the last checkpoint (default: 0)",
    )
    split = list(arguments).index("--") if "--" in arguments else len(arguments)
    return parser.parse_args(arguments[:split]), list(arguments[split + 1 :])


def _count(text: str) -> int:
    from cityzoo.cli.values import parse_count

    return parse_count(text)


def resume_if_started(arguments: Sequence[str]) -> list[str]:
    """Return the flags of train.py, or `--resume` if their `--out` has a checkpoint already."""
    flags = list(arguments)
    out = flags[flags.index("--out") + 1] if "--out" in flags[:-1] else None
    return ["--resume", out] if out and (Path(out) / "checkpoint.npz").is_file() else flags


def process_variables(address: str, count: int, number: int) -> dict[str, str]:
    """Return the environment variables that give a process its rank; see `cityzoo.fit.distributed`."""
    return {distributed.ADDRESS: address, distributed.COUNT: str(count), distributed.NUMBER: str(number)}


def run_process(config: dict[str, Any]) -> None:
    """Run train.py as one of the processes, after the first one has broadcast its address.

    Raises:
        RuntimeError: train.py failed; its message is in the log.
    """
    from ray import train as ray_train
    from ray.train.collective import broadcast_from_rank_zero

    context = ray_train.get_context()
    count, number = context.get_world_size(), context.get_world_rank()
    address = broadcast_from_rank_zero(_free_address() if number == 0 else None)
    os.environ.update(process_variables(address, count, number))
    os.chdir(config["folder"])
    import jax

    import train

    code = cli.run(train.main, resume_if_started(config["arguments"]), "train.py")
    if count > 1 and code == 0:
        jax.distributed.shutdown()  # before Ray ends the process, which the others would take for a crash
    if code:
        raise RuntimeError(f"train.py exited with code {code}; see its message above")


def _free_address() -> str:
    import socket

    import ray

    with socket.socket() as made:
        made.bind(("", 0))
        return f"{ray.util.get_node_ip_address()}:{made.getsockname()[1]}"


def main(arguments: Sequence[str]) -> int:
    """Start the processes and wait for them.

    Raises:
        InputError: train.py rejects its flags, Ray is not installed, or a process failed.
    """
    flags, passed_on = parse(arguments)
    if parse_training(resume_if_started(passed_on)) is None:  # reports wrong flags before anything starts
        return 0
    try:
        from ray.train import FailureConfig, RunConfig, ScalingConfig
        from ray.train.v2.api.exceptions import TrainingFailedError
        from ray.train.v2.jax import JaxConfig, JaxTrainer
    except ImportError as error:
        raise InputError(
            f'Ray Train with JAX is not installed ({error}): pip install "ray[train]>=2.60" "jax>=0.10"'
        ) from error
    resources = {"CPU": flags.cpus, **({"GPU": flags.gpus} if flags.gpus else {})}
    variables = {"KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT), "RAY_TRAIN_V2_ENABLED": "1"}
    trainer = JaxTrainer(
        run_process,
        train_loop_config={"arguments": passed_on, "folder": os.getcwd()},
        jax_config=JaxConfig(),  # Keras joins the processes itself
        scaling_config=ScalingConfig(
            num_workers=flags.workers, use_gpu=bool(flags.gpus), resources_per_worker=resources
        ),
        run_config=RunConfig(
            failure_config=FailureConfig(max_failures=flags.retries),
            worker_runtime_env={"env_vars": variables},
        ),
    )
    try:
        trainer.fit()
    except TrainingFailedError as error:
        raise InputError(f"a process failed: {str(error).strip().splitlines()[-1]}") from error
    return 0


if __name__ == "__main__":
    sys.exit(cli.run(main, sys.argv[1:], "ray_train.py"))
