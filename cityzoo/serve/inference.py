"""From the bytes of a request to its answer: who asks, which version, decode, queue, compute, say what it means."""

from __future__ import annotations

import asyncio
import functools
import logging
import math
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from cityzoo.monitor.text_statistics import measure_text
from cityzoo.runtime.packages import usable_cores
from cityzoo.security.refusal import Refused
from cityzoo.serve import answers
from cityzoo.serve.examples import Examples
from cityzoo.serve.http_errors import HttpError
from cityzoo.serve.served_model import ServedModel

if TYPE_CHECKING:
    from cityzoo.serve.services import Services

LOG = logging.getLogger(__name__)
MOST_BACKGROUND = (
    32  # shadows and observations at a time; those of further requests are left out, and counted
)
CAMERA_HEADER, TIMEOUT_HEADER = "X-Camera", "X-Request-Timeout"
LONGEST_CAMERA = 64
AGREES = 0.8  # of the answers of a model and its shadow, from 0 to 1
Prepare = Callable[[ServedModel], Examples]


@dataclass
class Call:
    """A request on its way.

    Attributes:
        request_id: in the answer, the logs and the audit.
        caller: who asks.
        model: name.
        version: that the client wants; None: the one in use.
        camera: that the image is of, if the client says it.
        deadline: in seconds of the event loop's clock.
        traceparent: of the client's trace, "" for none.
        seconds: how long each stage took.
    """

    request_id: str
    caller: Any
    model: str
    version: int | None
    camera: str | None
    deadline: float
    traceparent: str = ""
    seconds: dict[str, float] = field(default_factory=dict)


class Inference:
    """Answers requests; one for each server."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self._decoders = ThreadPoolExecutor(usable_cores(), "decode")
        self._background: set[asyncio.Task[None]] = set()

    def begin(self, request: Request, model: str, version: int | None) -> Call:
        """Return the call of a request, if its client may make it.

        Raises:
            HttpError: 400, a header that cannot be read.
            Refused: 401 or 403, see `cityzoo.security.access`.
        """
        camera = request.query_params.get("camera") or request.headers.get(CAMERA_HEADER) or None
        if camera is not None and (len(camera) > LONGEST_CAMERA or not camera.isprintable()):
            raise HttpError(400, f"camera: expected a name of at most {LONGEST_CAMERA} printable characters")
        caller = self.services.authorize(request, "predict", model, camera)
        deadline = asyncio.get_running_loop().time() + self._timeout(request.headers.get(TIMEOUT_HEADER))
        trace = request.headers.get("traceparent", "")
        return Call(request.scope["request_id"], caller, model, version, camera, deadline, trace)

    def _timeout(self, text: str | None) -> float:
        longest = self.services.settings.timeout_seconds
        try:
            wanted = longest if text is None else float(text)
        except ValueError:
            wanted = math.nan
        if not wanted > 0:
            raise HttpError(400, f"{TIMEOUT_HEADER} '{(text or '')[:40]}': expected seconds, e.g. 2.5")
        return min(wanted, longest)

    async def run(
        self,
        call: Call,
        prepare: Prepare,
        respond: Callable[[ServedModel, Examples, Any], tuple[Any, dict[str, Any] | None]],
    ) -> Any:
        """Return what `respond` makes of the model's outputs.

        Args:
            call: as `begin` returns it.
            prepare: reads the examples, in a thread.
            respond: (model, examples, outputs) -> the response and the first example's answer, None if it was not
                made at the report's threshold; in a thread.

        Raises:
            HttpError: as they raise it; 404, 429, 503 or 504.
        """
        services, started = self.services, time.perf_counter()
        route = services.repository.route(call.model, call.version, call.camera or call.request_id)
        model, status = route.primary, 500
        call.version = model.version
        try:
            model.check_policy(call.camera)
            services.access.take(call.caller, call.camera)
            with services.monitor.track_in_flight(), model.admit():
                examples, outputs = await self._compute(call, model, prepare)
                response, answer = await self._in_thread(call, "post", respond, model, examples, outputs)
            services.record_prediction(call)
            status = 200
            if answer is None:
                answer = functools.partial(_meaning, model, examples, outputs)
            observing = self._observe(call, route, prepare, examples, answer, time.perf_counter() - started)
            self._after(call, route, observing)
            return response
        except (HttpError, Refused) as error:
            status = error.status
            raise
        finally:
            call.seconds["total"] = time.perf_counter() - started
            services.monitor.request(call.model, model.version, status, call.seconds)
            self._trace(call, status)
            if status >= 500:
                services.repository.observe(route, status, call.seconds["total"], None)
            elif status != 200:
                route.close()

    async def _compute(self, call: Call, model: ServedModel, prepare: Prepare) -> tuple[Examples, Any]:
        async with model.place(call.deadline, call.seconds):
            waited = call.seconds["queue"]
            examples = await self._in_thread(call, "decode", prepare, model)
            self.services.access.take(call.caller, None, examples.pixels, requests=0)
            work = model.infer(examples.feeds, call.deadline, call.seconds)
            outputs = await self._timed(call, "infer", work)
            call.seconds["infer"] -= call.seconds["queue"] - waited
        return examples, outputs

    def _trace(self, call: Call, status: int) -> None:
        if self.services.tracer:
            about = {
                "cityzoo.model": call.model,
                "cityzoo.version": call.version or 0,
                "cityzoo.request": call.request_id,
            }
            about |= {
                "http.response.status_code": status,
                **({"cityzoo.camera": call.camera} if call.camera else {}),
            }
            started = time.time_ns() - round(call.seconds["total"] * 1e9)
            self.services.tracer.record(
                f"predict {call.model}", started, call.seconds, about, call.traceparent
            )

    async def _timed(self, call: Call, stage: str, work: Coroutine[Any, Any, Any]) -> Any:
        started = time.perf_counter()
        try:
            return await work
        finally:
            call.seconds[stage] = time.perf_counter() - started

    async def _in_thread(self, call: Call, stage: str, function: Callable[..., Any], *args: Any) -> Any:
        return await self._timed(call, stage, self._submit(function, *args))

    async def _submit(self, function: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._decoders, function, *args)

    def _after(self, call: Call, route: Any, work: Coroutine[Any, Any, None]) -> None:
        # After the response: what is learned from a request must not delay it, nor pile up.
        if len(self._background) >= MOST_BACKGROUND:
            work.close()
            route.close()
            self.services.monitor.frame(call.model, call.camera)
            return
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _observe(
        self, call: Call, route: Any, prepare: Prepare, examples: Examples, answer: Any, seconds: float
    ) -> None:
        try:
            answer = await self._submit(answer) if callable(answer) else answer
            about = await self._shadow(route.shadow, prepare) if route.shadow and answer else {}
            agreement = self.services.repository.observe(route, 200, seconds, answer, **about)
            if agreement is not None:
                self.services.monitor.shadow(call.model, agreement >= AGREES)
            if {"series", "mask"} <= examples.feeds.keys():
                self.services.monitor.series(call.model, call.camera, examples.feeds)
            elif answer is not None:
                first = examples.first
                measured = measure_text(first) if isinstance(first, str) else first
                self.services.monitor.image(call.model, call.camera, measured, answer)
                if self.services.evidence is not None and first is not None:
                    about = {"model": call.model, "version": call.version, "camera": call.camera}
                    self.services.evidence.keep(first, answer, {**about, "request": call.request_id})
        except Exception:  # the client has its answer already
            LOG.exception("request %s: observing it failed", call.request_id)
        finally:
            route.close()

    async def _shadow(self, shadow: ServedModel, prepare: Prepare) -> dict[str, Any]:
        # Prepared for it, since its input may be of another size.
        started = time.perf_counter()
        deadline = asyncio.get_running_loop().time() + self.services.settings.timeout_seconds
        try:
            with shadow.admit():
                examples = await self._submit(prepare, shadow)
                outputs = await shadow.infer(examples.feeds, deadline)
            answer = await self._submit(_meaning, shadow, examples, outputs)
        except HttpError as error:
            return {} if error.status == 429 else {"shadow_status": error.status}
        except Exception:  # it is tried here, so that nobody has to see it fail
            LOG.exception("shadow of '%s' failed", shadow.name)
            return {"shadow_status": 500}
        return {"shadow_answer": answer, "shadow_seconds": time.perf_counter() - started}

    def close(self) -> None:
        """Stop the threads."""
        self._decoders.shutdown(wait=False, cancel_futures=True)


def _meaning(model: ServedModel, examples: Examples, outputs: Any) -> dict[str, Any] | None:
    # The first example's answer; None for tensors without an image, whose boxes have no place.
    if not (examples.images or examples.times or examples.texts or examples.owners is not None):
        return None
    rows = 1
    if examples.owners is not None:
        rows = int((examples.owners == 0).sum())
        examples = replace(examples, owners=examples.owners[:rows])
    first = {name: array[:rows] for name, array in outputs.items()}
    return answers.answer(model.description, model.file.restore, examples, first)[0]
