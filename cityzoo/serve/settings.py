"""The settings of a server, declared once as flags."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cityzoo.cli.flags import flag
from cityzoo.cli.values import parse_count, parse_number
from cityzoo.errors import InputError
from cityzoo.monitor.settings import MonitorSettings
from cityzoo.security.settings import SecuritySettings


def _parse_port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise InputError(f"port '{text}': expected a number up to 65535, e.g. 8000")
    return int(text)


@dataclass(frozen=True)
class Settings(MonitorSettings, SecuritySettings):
    """How models are served, and how the server is protected.

    Attributes:
        models: folder of models, exported folder, model file, or run folder.
    """

    models: Path = Path()
    host: str = flag("127.0.0.1", "address to listen on; 0.0.0.0 for the network")
    port: int = flag(8000, "port; 0 takes a free one", _parse_port, "N")
    supervise: bool = flag(False, "start the server again if its process dies; requests wait meanwhile")
    listen_fd: int | None = None  # socket inherited from the supervisor
    grpc_port: int | None = flag(None, "also speak gRPC on this port", _parse_port, "N")
    threads: int | None = flag(None, "threads of a model (default: all cores)", parse_count, "N")
    max_batch: int = flag(4, "most examples computed at a time", parse_count, "N")
    batch_delay_ms: float = flag(
        0.0, "how long a batch that is not full waits for another request", parse_number, "MS"
    )
    max_queue: int = flag(64, "requests of a model at a time; others: 429 and Retry-After", parse_count, "N")
    timeout_seconds: float = flag(
        30.0, "longest time of a request; clients may ask for less", parse_number, "S"
    )
    read_timeout_seconds: float = flag(10.0, "time for a client to send its request", parse_number, "S")
    max_body_mb: float = flag(16.0, "largest body of a request", parse_number, "MB")
    max_megapixels: float = flag(25.0, "largest image, by its header, before decoding", parse_number, "MP")
    drain_seconds: float = flag(5.0, "after SIGTERM: not ready, but still answering", parse_number, "S")
    evidence: str | None = flag(
        None,
        "keep images and texts of alarms, and now and then of each camera; needs --redact",
        metavar="FOLDER",
    )
    redact: str | None = flag(
        None,
        "cover before images are stored: faces, FOLDER:CLASS of a detector, joined by +; texts: keep texts alone, "
        "personal data masked; or none",
        metavar="NAME",
    )
    evidence_seconds: float = flag(600.0, "between images of a camera without an alarm", parse_number, "S")
    evidence_mb: float = flag(1000.0, "the oldest evidence is removed beyond it", parse_number, "MB")
    faq: str | None = flag(
        None, "answer questions from these passages at /answer: file or folder", metavar="FAQ"
    )
    encoder: str = flag("auto", "sentence encoder of --faq: folder, minilm, or none", metavar="FOLDER")
    index: str | None = flag(
        None, "where python -m cityzoo answer keeps the index of --faq", metavar="FOLDER"
    )
    intents: str | None = flag(None, "exported text_intent that names what --faq asks back", metavar="FOLDER")
    contact: str = flag("", "who knows more, where --faq has no answer", metavar="TEXT")
    conversation_log: str | None = flag(
        None, "append questions to --faq, personal data masked, to this file", metavar="FILE"
    )
    conversation_log_mb: float = flag(10.0, "largest size of the conversation log", parse_number, "MB")

    @property
    def max_body_bytes(self) -> int:
        """Return the largest body."""
        return int(self.max_body_mb * 1e6)
