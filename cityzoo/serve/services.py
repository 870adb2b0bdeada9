"""What the routes of a server share: models, access, metrics, audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from cityzoo.security.access import Access, Refused
from cityzoo.serve.repository import ModelRepository
from cityzoo.serve.settings import Settings

if TYPE_CHECKING:
    from cityzoo.security.audit import AuditLog


@dataclass
class Services:
    """What the routes of a server share."""

    settings: Settings
    repository: ModelRepository
    access: Access
    monitor: Any
    audit: AuditLog | None = None
    is_draining: bool = False

    def authorize(
        self, request: Request, right: str, model: str | None = None, camera: str | None = None
    ) -> Any:
        """Return who asks, if he may.

        Raises:
            Refused: 401, unknown; 403, without the right; 429, too often.
        """
        host = request.client.host if request.client else ""
        try:
            caller = self.access.identify(request.headers, host)
            self.access.require(caller, right, model, camera)
        except Refused as refused:
            self.monitor.auth_failure(refused.reason)
            self.write_audit(
                request, "refused", right=right, model=model, camera=camera, status=refused.status
            )
            raise
        return caller

    def write_audit(self, request: Request, event: str, **details: Any) -> None:
        """Append an event to the audit log, if there is one."""
        if self.audit is not None:
            details = {name: value for name, value in details.items() if value is not None}
            self.audit.append({"event": event, "request": request.scope["request_id"], **details})

    def record(self, event: Mapping[str, Any]) -> None:
        """Take an event of the models into metrics and audit log; see `ModelRepository.listeners`."""
        name, version = event["model"], event["version"]
        if event["event"] == "loaded":
            self.monitor.model_loaded(name, version)
        elif event["event"] == "unloaded":
            self.monitor.model_unloaded(name, version)
        elif event["event"] == "refused":
            self.monitor.load_failed(name, "refused")
        if self.audit is not None:
            self.audit.append(dict(event))
