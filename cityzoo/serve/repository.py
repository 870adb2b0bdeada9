"""The models of a folder in their versions: loaded, warmed, switched, drained, and rolled back by rules."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from cityzoo.errors import InputError
from cityzoo.serve.http_errors import HttpError
from cityzoo.serve.model_folders import find_models, require_models
from cityzoo.serve.model_traffic import SERVER, Event, ModelTraffic
from cityzoo.serve.traffic_agreement import compare_answers
from cityzoo.serve.traffic_route import Route
from cityzoo.serve.version_states import READY, REFUSED

LOG = logging.getLogger(__name__)
REFRESH_SECONDS = 1.0
LOADERS = 2  # versions that are loaded or closed at a time


class ModelRepository:
    """Serve every model of a folder MODELS/NAME/VERSION, or one exported folder, model file or run folder.

    A background thread reads new versions and traffic.json each second. A version is loaded and warmed next to the one
    that answers, replaces it at once when it is ready, and the old one is closed after its last request.

    Args:
        root: the folder of models, or one model.
        settings: of the server, passed on to `make`.
        make: (name, version, path, settings) -> a model with a blocking `load()` and `close()`: `ServedModel`.
        listeners: called with each event (loaded, refused, switch, rollback, unloaded): audit log and metrics.
        watch: start the background thread; without it, call `refresh`.

    Raises:
        InputError: no model at `root`.
    """

    def __init__(
        self,
        root: Path,
        settings: Any,
        make: Callable[..., Any],
        listeners: Iterable[Callable[[Event], None]] = (),
        watch: bool = True,
    ) -> None:
        require_models(root)
        self.root, self.settings, self._make = root, settings, make
        self.listeners = list(listeners)
        self._models: dict[str, ModelTraffic] = {}
        self._lock = threading.Lock()  # one refresh at a time
        self._changed, self._closed = threading.Event(), threading.Event()
        self._pool = ThreadPoolExecutor(LOADERS, thread_name_prefix="models")
        self.refresh()
        self._thread = threading.Thread(target=self._watch, name="models-refresh", daemon=True)
        if watch:
            self._thread.start()

    def _watch(self) -> None:
        while not self._closed.is_set():
            self._changed.wait(REFRESH_SECONDS)
            self._changed.clear()
            try:
                self.refresh()
            except Exception:  # an unforeseen error must not end the thread that rolls models back
                LOG.exception("the models could not be refreshed")

    def refresh(self) -> None:
        """Read new versions and traffic.json, apply the rules, switch to what is ready, start loads."""
        with self._lock:
            if self._closed.is_set():
                return
            try:
                found = find_models(self.root)
            except OSError as error:  # a volume that is away for a moment: what is loaded stays
                LOG.warning("'%s' cannot be read: %s", self.root, error)
                return
            models = dict(self._models)
            for name in found.keys() - models.keys():
                models[name] = ModelTraffic(name, self._make_model, self._announce)
            for name in list(models):
                for work in models[name].refresh(found.get(name, {})):
                    self._pool.submit(self._run, work)
                if name not in found and not models[name].is_loaded():
                    del models[name]
            self._models = models  # requests see the old models or the new ones

    def _make_model(self, name: str, version: int, path: Path) -> Any:
        return self._make(name, version, path, self.settings)

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:  # in a pool nobody would see it; the other models go on
            LOG.exception("a version could not be closed")
        self._changed.set()

    def _announce(self, event: Event) -> None:
        LOG.info("model %(model)s version %(version)s: %(event)s (%(reason)s)", event)
        for listener in self.listeners:
            listener(event)

    def index(self) -> list[dict[str, Any]]:
        """Return a row for each version: name, version, state (Triton's words), reason, part of the traffic."""
        models = self._models
        return [row for name in sorted(models) for row in models[name].index()]

    @property
    def is_ready(self) -> bool:
        """Whether a model answers, and each of the others answers, is unloaded, or was refused."""
        models = list(self._models.values())
        return any(model.active for model in models) and all(
            model.active or model.is_settled for model in models
        )

    def route(self, name: str, version: int | None = None, key: str = "") -> Route:
        """Return the versions that answer a request.

        Args:
            name: of the model.
            version: that the request names; None: the stable one or the canary.
            key: id of the camera, else of the request; a camera always sees one version.

        Raises:
            HttpError: 404 unknown model or version, 503 not ready.
        """
        return self._find(name).route(version, key)

    def _find(self, name: str) -> ModelTraffic:
        model = self._models.get(name)
        if model is None:
            known = ", ".join(sorted(self._models)) or "no model"
            raise HttpError(404, f"unknown model '{name[:60]}': this server has {known}")
        return model

    def observe(
        self,
        route: Route,
        status: int,
        seconds: float,
        answer: Any,
        shadow_answer: Any = None,
        shadow_status: int = 200,
        shadow_seconds: float | None = None,
    ) -> float | None:
        """Close a route and count its request for the rules.

        Args:
            route: as `route` returned it.
            status: of the response.
            seconds: it took.
            answer: that was returned, as `/predict` does; None if there is none.
            shadow_answer: of the shadow; None: it was not asked.
            shadow_status: 500 if the shadow failed.
            shadow_seconds: it took.

        Returns:
            How far both answers agree, 0..1; None if they were not compared.
        """
        route.close()
        model = self._models.get(route.name)
        if model is None:
            return None
        compared = answer is not None and shadow_answer is not None
        agreement = compare_answers(answer, shadow_answer) if compared else None
        observe, is_canary = model.window.observe, route.is_canary
        observe(route.version, status, seconds, agreement if is_canary else None)
        if route.shadow_version is not None and (shadow_answer is not None or shadow_status >= 400):
            observe(route.shadow_version, shadow_status, shadow_seconds, None if is_canary else agreement)
        return agreement

    def load(self, name: str, version: int | None = None, by: str = SERVER) -> None:
        """Load a version, or a model that was unloaded, and wait until it is ready; `by` goes into the history.

        Raises:
            HttpError: 404 unknown, 400 refused, with the reason.
        """
        self.refresh()
        model = self._find(name)
        model.versions.require_known(version)
        model.versions.retry(version)
        model.change(lambda traffic: traffic.load(version, by))
        ended = (READY, REFUSED)
        self._wait(lambda: model.is_settled if version is None else model.versions.state(version) in ended)
        if model.active is None if version is None else model.versions.state(version) != READY:
            refused = [
                f"version {each.number}: {each.reason}" for each in model.versions.all() if each.reason
            ]
            raise HttpError(400, f"model '{name}' was not loaded: {'; '.join(refused)}")

    def unload(self, name: str, version: int | None = None, by: str = SERVER) -> None:
        """Unload a version, or a model, and wait until the last requests are answered; `by` goes into the history.

        Raises:
            HttpError: 404 unknown, 400 the stable version alone.
        """
        model = self._find(name)
        model.versions.require_known(version)
        if version is not None and version in (model.active, model.target()):
            raise HttpError(400, f"version {version} is the stable one: promote another, or unload the model")
        try:
            model.change(lambda traffic: traffic.unload(version, by))
        except InputError as error:
            raise HttpError(400, str(error)) from error
        self._wait(lambda: not model.is_loaded(version))

    def _wait(self, is_done: Callable[[], bool]) -> None:
        while not self._closed.is_set():
            self.refresh()
            if is_done():
                return
            time.sleep(0.02)

    def close(self) -> None:
        """Stop watching and close every model."""
        self._closed.set()
        self._changed.set()
        if self._thread.is_alive():
            self._thread.join()
        self._pool.shutdown(cancel_futures=True)
        for model in self._models.values():
            model.versions.close()
