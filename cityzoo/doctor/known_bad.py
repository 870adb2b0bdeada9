"""Combinations of packages, settings and machines that are known not to work, each with its reason and its remedy."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


class Combination(NamedTuple):
    """What does not go together.

    Attributes:
        what: packages that are all installed, with versions; "python" counts as one.
        where: words of `cityzoo.doctor.machine.describe_setting` that all apply.
        reason: what happens.
        remedy: what to do.
        fails: False for what works with care, or only slowly: shown, but no reason for exit code 1.
    """

    what: tuple[str, ...]
    where: tuple[str, ...]
    reason: str
    remedy: str
    fails: bool = True


OWN_ENVIRONMENT = "install it in a virtual environment of its own"
KNOWN_BAD = (
    Combination(
        ("python>=3.14",),
        (),
        "TensorFlow 2.21 has no wheels for this Python",
        "make the virtual environment with Python 3.10 to 3.13",
    ),
    Combination(
        ("tensorflow-addons", "keras>=3"),
        (),
        "import tensorflow_addons stops at keras.src.engine, which Keras 3 does not have",
        "pip uninstall tensorflow-addons; docs/tfa.md names the replacements",
    ),
    Combination(
        ("tensorflow-model-optimization", "keras>=3"),
        (),
        "it knows Keras 2 alone, and support of Keras 3 is not planned",
        "pip uninstall tensorflow-model-optimization; use python -m cityzoo prune or quantize",
    ),
    Combination(
        ("alibi-detect", "keras>=3"),
        (),
        "its models are of Keras 2",
        "pip uninstall alibi-detect; use python -m cityzoo drift",
    ),
    Combination(
        ("motmetrics<=1.4.0", "numpy>=2"),
        (),
        "it calls np.asfarray, which NumPy 2 does not have",
        "pip uninstall motmetrics; trackeval computes the same metrics",
    ),
    Combination(("norfair", "numpy<2"), (), "norfair installs NumPy 1.26, cityzoo needs 2", OWN_ENVIRONMENT),
    Combination(("frouros", "numpy<2"), (), "frouros installs NumPy 1, cityzoo needs 2", OWN_ENVIRONMENT),
    Combination(
        (),
        ("x86 without AVX",),
        "TensorFlow's wheels are compiled for AVX: importing it ends the process",
        "use a processor of the last ten years, or serve exported models with ONNX Runtime",
    ),
    Combination(
        (),
        ("Keras backend is neither tensorflow nor jax",),
        "training and exporting know the backends tensorflow and jax",
        "export KERAS_BACKEND=tensorflow, or change backend in ~/.keras/keras.json",
    ),
    Combination(
        (),
        ("Keras images are channels_first",),
        "backbones and images here have channels last",
        'set "image_data_format": "channels_last" in ~/.keras/keras.json',
    ),
    Combination(
        (),
        ("TF_CONFIG names several workers",),
        "Keras 3 cannot train under MultiWorkerMirroredStrategy: each process would train alone",
        "unset TF_CONFIG; train on several machines with the JAX backend, see deploy/README.md",
    ),
    Combination(
        (),
        ("oneDNN is switched off",),
        "without its kernels a training step takes about 1.6 times as long on processors with AVX2",
        "unset TF_ENABLE_ONEDNN_OPTS",
        fails=False,
    ),
    Combination(
        (),
        ("a GPU that TensorFlow does not see",),
        "training runs on the processor",
        'pip install -e ".[cuda]"; with JAX: pip install "jax[cuda12]"',
        fails=False,
    ),
    Combination(
        (),
        ("x86 without VNNI",),
        "int8 files with signed weights (U8S8) saturate in ONNX Runtime here and lose accuracy",
        "nothing for files of python -m cityzoo export; compare others with their float model on this machine",
        fails=False,
    ),
    Combination(
        ("opencv-python", "opencv-python-headless"),
        (),
        "both write the same folder cv2: removing one breaks the other",
        "pip uninstall opencv-python opencv-python-headless && pip install 'opencv-python-headless>=5.0'",
        fails=False,
    ),
    Combination(
        ("triton", "tensorflow"),
        (),
        "importing triton (torch._inductor, sentence_transformers) after TensorFlow aborts the process",
        "import it first, or in another process; cityzoo itself never imports it",
        fails=False,
    ),
    Combination(
        ("transformers", "keras>=3"),
        (),
        "its TensorFlow classes do not work with Keras 3",
        "use text backbones of cityzoo, which read the same files",
        fails=False,
    ),
    Combination(
        ("adversarial-robustness-toolbox", "keras>=3"),
        (),
        "its KerasClassifier does not work with Keras 3",
        "evaluate.py --robustness has attacks of its own",
        fails=False,
    ),
    Combination(
        ("kserve", "tensorflow"), (), "it installs older protobuf and pandas", OWN_ENVIRONMENT, fails=False
    ),
    Combination(
        ("mlserver", "tensorflow"),
        (),
        "it installs older protobuf and ml-dtypes",
        OWN_ENVIRONMENT,
        fails=False,
    ),
)


def find_known_bad(
    versions: Mapping[str, str], setting: Collection[str], table: tuple[Combination, ...] = KNOWN_BAD
) -> list[tuple[str, Combination]]:
    """Return the combinations that are found here, each with what was found.

    Args:
        versions: of installed packages by normalized name, and of "python".
        setting: what is true of this machine and environment, see `cityzoo.doctor.machine.describe_setting`.
        table: that is looked through.

    Example:
        >>> [name for name, _ in find_known_bad({"motmetrics": "1.4.0", "numpy": "2.4.6"}, ())]
        ['motmetrics 1.4.0 with numpy 2.4.6']
        >>> find_known_bad({"motmetrics": "1.4.0", "numpy": "1.26.4"}, ())
        []
    """
    found = []
    for each in table:
        wanted = list(map(Requirement, each.what))
        if all(_is_installed(one, versions) for one in wanted) and set(each.where) <= set(setting):
            packages = [f"{one.name} {versions[canonicalize_name(one.name)]}" for one in wanted]
            found.append((" with ".join([*packages, *each.where]), each))
    return found


def _is_installed(requirement: Requirement, versions: Mapping[str, str]) -> bool:
    version = versions.get(canonicalize_name(requirement.name))
    return version is not None and requirement.specifier.contains(version, prereleases=True)
