"""A server process: settings checked, models loaded, uvicorn run, drained at SIGTERM."""

from __future__ import annotations

import asyncio
import functools
import logging
import threading
from pathlib import Path
from typing import Any

import uvicorn

from cityzoo.data.text.personal_data import mask_text
from cityzoo.monitor.json_logs import start_json_logs
from cityzoo.monitor.metrics import Monitor
from cityzoo.monitor.tracing import Tracer
from cityzoo.security.access import Access
from cityzoo.security.settings import check_address, tls_options
from cityzoo.serve.app import make_app
from cityzoo.serve.evidence import Evidence
from cityzoo.serve.listening import listen
from cityzoo.serve.repository import ModelRepository
from cityzoo.serve.routes_answer import open_conversations
from cityzoo.serve.served_model import OpenRun, ServedModel
from cityzoo.serve.services import Services
from cityzoo.serve.settings import Settings
from cityzoo.serve.slow_clients import protocol_with_timeout

LOG = logging.getLogger(__name__)
KEEP_ALIVE_SECONDS = 30


class Server(uvicorn.Server):
    """Uvicorn that is "not ready" for a while before it stops, so that load balancers look elsewhere first."""

    def __init__(self, config: uvicorn.Config, services: Services) -> None:
        super().__init__(config)
        self.services = services

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Begin to drain; a second signal stops at once. The process then ends with exit code 0."""
        seconds = self.services.settings.drain_seconds
        if self.services.is_draining:
            self.force_exit = self.should_exit
            self.should_exit = True
            return
        self.services.is_draining = True
        LOG.info("stopping: not ready for %g s, then no new requests; again to stop at once", seconds)
        timer = threading.Timer(seconds, self._stop)
        timer.daemon = True
        timer.start()

    def _stop(self) -> None:
        self.should_exit = True


def make_services(settings: Settings, open_run: OpenRun | None = None) -> Services:
    """Load the models and return what a server needs.

    Args:
        settings: of the server.
        open_run: opens run folders by Keras; None: exported folders are served only.

    Raises:
        InputError: settings that exclude each other or are unsafe, or not one model that can be served.
    """
    access = Access.from_settings(settings)
    audit = None
    if settings.audit_log:
        from cityzoo.security.audit import AuditLog
        from cityzoo.security.encryption_keys import read_encryption_keys

        key = read_encryption_keys(settings.audit_key).current if settings.audit_key else None
        audit = AuditLog(Path(settings.audit_log), key, mask=mask_text)
    monitor = Monitor.from_settings(settings)
    served: dict[tuple[str, int], ServedModel] = {}

    def make(name: str, version: int, path: Path, settings: Settings) -> ServedModel:
        observe = functools.partial(monitor.batch, name, version)
        served[name, version] = ServedModel(name, version, path, settings, observe, open_run)
        return served[name, version]

    tracer = Tracer(settings.otlp) if settings.otlp else None
    services = Services(
        settings, access, monitor, audit, served, tracer, Evidence.from_settings(settings, monitor)
    )
    services.conversations = open_conversations(settings)
    # At once with its listener: a version may be refused before the next line.
    services.repository = ModelRepository(settings.models, settings, make, [services.record])
    return services


def serve(settings: Settings, open_run: OpenRun | None = None) -> int:
    """Serve until a signal; return the exit code. Arguments: see `make_services`."""
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    if settings.json_logs:
        start_json_logs(mask=mask_text)
    check_address(settings, settings.host)
    tls = tls_options(settings)
    listening = listen(settings)  # before models are loaded, which takes longer
    services = make_services(settings, open_run)
    if not services.repository.index() and not settings.faq:
        LOG.warning("WARNING: no model in '%s' yet: add one with python -m cityzoo models", settings.models)
    config = uvicorn.Config(
        make_app(services),
        http=protocol_with_timeout(settings.read_timeout_seconds),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=round(settings.timeout_seconds) + 1,
        h11_max_incomplete_event_size=16384,
        **tls,
    )
    server = Server(config, services)
    scheme = "https" if settings.tls_certificate else "http"
    host, port = listening.getsockname()[:2]
    LOG.info("ready: %s://%s:%d  (SIGTERM stops it)", scheme, f"[{host}]" if ":" in host else host, port)
    asyncio.run(server.serve([listening]))
    return 0
