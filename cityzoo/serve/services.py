"""What the routes of a server share: models, access, metrics, audit."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from cityzoo.security.access import Access, Refused
from cityzoo.security.limits import Limits, RateLimiter
from cityzoo.serve.repository import ModelRepository
from cityzoo.serve.settings import Settings

if TYPE_CHECKING:
    from cityzoo.answer.conversations import Conversations
    from cityzoo.monitor.metrics import Monitor
    from cityzoo.monitor.tracing import Tracer
    from cityzoo.security.audit import AuditLog
    from cityzoo.serve.evidence import Evidence
    from cityzoo.serve.inference import Call
    from cityzoo.serve.served_model import ServedModel

LOG = logging.getLogger(__name__)
MOST_REFUSALS = Limits(requests_per_second=10)  # in the audit log: who is refused must not fill the disk
REFUSALS = {"sign": "signature", "parity gate": "parity", "answers otherwise": "probes"}  # words of metrics


@dataclass
class Services:
    """What the routes of a server share."""

    settings: Settings
    access: Access
    monitor: Monitor
    audit: AuditLog | None = None
    served: dict[tuple[str, int], ServedModel] = field(default_factory=dict)
    tracer: Tracer | None = None
    evidence: Evidence | None = None
    conversations: Conversations | None = None
    is_draining: bool = False
    refusals: RateLimiter = field(default_factory=RateLimiter)
    unrecorded: int = 0
    repository: ModelRepository = field(init=False)  # reports to these services, so is made after them

    def authorize(
        self, request: Request, right: str, model: str | None = None, camera: str | None = None
    ) -> Any:
        """Return who asks, if he may.

        Raises:
            Refused: 401, unknown; 403, without the right; 429, too often.
        """
        host, caller = request.client.host if request.client else "", None
        try:
            caller = self.access.identify(request.headers, host)
            self.access.require(caller, right, model, camera)
        except Refused as refused:
            self.monitor.auth_failure(refused.reason)
            who = {"host": host, "caller": caller.name if caller else None}
            about = {"right": right, "model": model, "camera": camera, "status": refused.status}
            self._record_refusal(request, reason=refused.reason, **who, **about)
            raise
        return caller

    def _record_refusal(self, request: Request, **details: Any) -> None:
        if self.refusals.take("", None, 0, MOST_REFUSALS)[0]:
            self.unrecorded += 1
            return
        count, self.unrecorded = self.unrecorded, 0
        self.write_audit(request, "refused", unrecorded=count or None, **details)

    def record_prediction(self, call: Call) -> None:
        """Append to the audit log which model answered a caller, before the answer is sent.

        Raises:
            Refused: 503, it cannot be recorded.
        """
        if self.audit is not None:
            event = {"event": "predict", "request": call.request_id, "caller": call.caller.name}
            self.audit.append(event | {"model": call.model, "version": call.version, "camera": call.camera})

    def write_audit(self, request: Request, event: str, **details: Any) -> None:
        """Append an event to the audit log, if there is one."""
        if self.audit is not None:
            details = {name: value for name, value in details.items() if value is not None}
            self.audit.append({"event": event, "request": request.scope["request_id"], **details})

    def metrics(self) -> tuple[bytes, str]:
        """Return the body of `/metrics` and its content type."""
        for (name, version), model in list(self.served.items()):
            self.monitor.queue(name, version, model.queue_length)
        return self.monitor.render()

    def close(self) -> None:
        """Write what is left of evidence, stop the monitor's thread, and send what is left of traces."""
        if self.evidence:
            self.evidence.close()
        if self.conversations and self.conversations.log:
            self.conversations.log.close()
        self.monitor.close()
        if self.tracer:
            self.tracer.close()

    def record(self, event: Mapping[str, Any]) -> None:
        """Take an event of the models into metrics and audit log; see `ModelRepository.listeners`."""
        name, version = event["model"], event["version"]
        model = self.served.get((name, version))
        if event["event"] == "loaded":
            self.monitor.model_loaded(name, version, model.digest if model else "")
        elif event["event"] == "switch" and model:
            self.monitor.compare_with(name, model.reference)
        elif event["event"] == "unloaded":
            self.monitor.model_unloaded(name, version)
            self.served.pop((name, version), None)
        elif event["event"] == "refused":
            reasons = (word for text, word in REFUSALS.items() if text in event["reason"])
            self.monitor.load_failed(name, next(reasons, "files"))
            self.served.pop((name, version), None)
        if self.audit is not None:
            try:
                self.audit.append(dict(event))
            except Refused as refused:
                LOG.error("model %s version %s: %s", name, version, refused.message)
