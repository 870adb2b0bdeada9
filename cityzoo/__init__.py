"""cityzoo: pretrained backbones, fine-tuned on a city's own cameras."""

import os
import platform

__version__ = "0.2.0.dev0"

# TensorFlow reads its settings when it is imported, so they are made here, where every command and every import of the
# library passes first; what the user has set stays. By itself TensorFlow uses oneDNN's kernels on CPUs with AVX512_VNNI
# or AMX alone: on AVX2, most laptops, a training step takes 1.6 times as long without them.
if platform.machine().lower() in ("x86_64", "amd64"):
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
