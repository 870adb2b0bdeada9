"""The processor's features, and what is true of this machine and its environment variables."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

# name of a feature -> flags of /proc/cpuinfo of which one is enough; what it is good for
FEATURES = {
    "AVX": (("avx",), "TensorFlow's wheels need it"),
    "AVX2": (("avx2",), "fast convolutions by oneDNN, which cityzoo switches on"),
    "AVX512": (("avx512f",), "wider ones"),
    "VNNI": (("avx512_vnni", "avx_vnni"), "int8 without saturation, several times as fast"),
    "bfloat16": (("avx512_bf16", "amx_bf16"), "VGG and ResNet train up to twice as fast"),
}
BACKENDS = ("tensorflow", "jax")
FASTEST_IN_INT8 = "VNNI"


def cpu_features(flags: Collection[str]) -> dict[str, bool]:
    """Return which of the features that matter a processor has.

    Args:
        flags: of /proc/cpuinfo.

    Example:
        >>> cpu_features(["sse", "avx", "avx2"])
        {'AVX': True, 'AVX2': True, 'AVX512': False, 'VNNI': False, 'bfloat16': False}
    """
    return {name: bool(set(known) & set(flags)) for name, (known, _) in FEATURES.items()}


def describe_setting(
    features: Mapping[str, bool] | None,
    devices: Mapping[str, Any],
    environment: Mapping[str, str] = os.environ,
) -> set[str]:
    """Return what is true of this machine and environment, in the words of `cityzoo.doctor.known_bad`.

    Args:
        features: see `cpu_features`; None: not an x86 processor, or not known.
        devices: see `cityzoo.doctor.probe.find_devices`; empty if that failed.
        environment: variables.
    """
    hides_gpus = environment.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    true = {
        "x86 without AVX": features is not None and not features["AVX"],
        "x86 without VNNI": features is not None and not features[FASTEST_IN_INT8],
        "oneDNN is switched off": environment.get("TF_ENABLE_ONEDNN_OPTS") == "0" and features is not None,
        "Keras backend is neither tensorflow nor jax": read_backend_name(environment) not in BACKENDS,
        "Keras images are channels_first": devices.get("image_data_format") == "channels_first",
        "TF_CONFIG names several workers": _count_workers(environment.get("TF_CONFIG", "")) > 1,
        "a GPU that TensorFlow does not see": bool(devices)
        and not devices["gpus"]
        and Path("/proc/driver/nvidia/version").is_file()
        and not hides_gpus,
    }
    return {words for words, holds in true.items() if holds}


def _count_workers(text: str) -> int:
    try:
        cluster = json.loads(text)["cluster"]
        return len(cluster.get("worker", ())) + len(cluster.get("chief", ()))
    except (ValueError, TypeError, LookupError, AttributeError):
        return 0


def read_backend_name(environment: Mapping[str, str] = os.environ) -> str:
    """Return the backend that Keras is asked for by KERAS_BACKEND or its keras.json, also if it cannot be loaded.

    Example:
        >>> read_backend_name({"KERAS_BACKEND": "jax"}), read_backend_name({"KERAS_HOME": "/nowhere"})
        ('jax', 'tensorflow')
    """
    home = Path(environment.get("KERAS_HOME") or Path.home() / ".keras").expanduser()
    try:
        of_file = json.loads((home / "keras.json").read_text(encoding="utf-8")).get("backend")
    except (OSError, ValueError, AttributeError):
        of_file = None
    return str(environment.get("KERAS_BACKEND") or of_file or BACKENDS[0])


def is_x86() -> bool:
    """Return whether the processor has the features of `FEATURES`, or lacks them."""
    return platform.machine().lower() in ("x86_64", "amd64")
