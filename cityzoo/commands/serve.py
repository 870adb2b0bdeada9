"""Serve models over HTTP: python -m cityzoo serve MODELS."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo import cli
from cityzoo.errors import InputError

if TYPE_CHECKING:
    from cityzoo.runtime.base_model import RuntimeModel
    from cityzoo.serve.settings import Settings

PROG = "python -m cityzoo serve"
ABOUT = """\
Serve exported models over HTTP: a page to try them at /, /predict for images, measurements, texts and sounds, the
Open Inference Protocol for clients of Triton and KServe, metrics at /metrics, the OpenAPI page at /docs. Needs no
TensorFlow.
"""
EXAMPLES = f"""\
examples:
  {PROG} runs/mine/exports/onnx               one model, for this machine: http://127.0.0.1:8000
  {PROG} models/ --host 0.0.0.0 --api-keys keys.json --tls-certificate c.pem --tls-key k.pem
  {PROG} --faq faq.csv                        POST /answer: see python -m cityzoo answer --help
  curl --data-binary @street.jpg http://127.0.0.1:8000/predict
MODELS is a folder of NAME/VERSION/ (see python -m cityzoo models --help), a folder that python -m cityzoo export wrote,
its file, or a run folder, which is served by Keras.
"""


def parse_settings(arguments: Sequence[str]) -> Settings:
    """Return the settings that MODELS and the flags give."""
    parser = cli.Parser(prog=PROG, description=ABOUT, epilog=EXAMPLES, allow_abbrev=False)
    from cityzoo.monitor.settings import MonitorSettings
    from cityzoo.security.settings import SecuritySettings
    from cityzoo.serve import supervisor
    from cityzoo.serve.settings import Settings

    parser.add_argument(
        "models", metavar="MODELS", nargs="?", help="what to serve; may be left out with --faq"
    )
    groups = {"monitoring": MonitorSettings, "protection": SecuritySettings}
    known = {item.name for group in groups.values() for item in cli.flag_fields(group)}
    cli.add_flags(parser, [item for item in cli.flag_fields(Settings) if item.name not in known], {})
    for title, group in groups.items():
        cli.add_flags(parser.add_argument_group(title), cli.flag_fields(group), {})
    parser.add_argument(supervisor.FLAG, type=int, help=argparse.SUPPRESS)
    given = vars(parser.parse_args(arguments))
    if given["models"] is None:
        if not given.get("faq"):
            raise InputError("nothing to serve: give MODELS, or --faq")
        given["models"] = tempfile.mkdtemp(prefix="no-models-")  # an empty folder of models
    return Settings(**{**given, "models": Path(given["models"])})


def main(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM or Ctrl+C."""
    settings = parse_settings(arguments)
    if not settings.models.exists():
        raise InputError(
            f"'{settings.models}' does not exist: give a folder that python -m cityzoo export wrote"
        )
    if settings.supervise and settings.listen_fd is None:
        from cityzoo.serve.listening import listen
        from cityzoo.serve.supervisor import supervise

        return supervise(arguments, listen(settings))
    try:
        from cityzoo.serve.server import serve
    except ImportError as error:
        raise InputError(f'serving needs {error.name}: pip install "cityzoo[serve]"') from error
    return serve(settings, open_run)


def open_run(path: Path) -> tuple[RuntimeModel, dict[str, Any]]:
    """Open a run folder by Keras; see `cityzoo.export.keras_run.open_run`.

    Raises:
        InputError: Keras is not installed, or no run folder.
    """
    try:
        with cli.quiet_start():
            from cityzoo.export import keras_run
    except ImportError as error:
        raise InputError(
            f"'{path}' is not an exported folder, and to serve a run {error.name} is missing: export it with python -m "
            "cityzoo export"
        ) from error
    return keras_run.open_run(path)
