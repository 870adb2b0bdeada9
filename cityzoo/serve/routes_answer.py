"""`/answer`: a question in, a stored passage, a question back, or "I do not know" out."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, ValidationError

from cityzoo.answer.answerer import Answer, open_answerer
from cityzoo.answer.conversations import ConversationLog, Conversations
from cityzoo.errors import InputError
from cityzoo.security.caller import Caller
from cityzoo.security.refusal import Refused
from cityzoo.serve.http_errors import HttpError
from cityzoo.serve.services import Services
from cityzoo.serve.settings import Settings

NAME = "faq"  # the model that keys and metrics know


class Question(BaseModel):
    """Body of a request."""

    question: str = Field(description="a question, or the reply to a question back")
    conversation: str = Field(
        "", max_length=64, description="id of the last answer; empty begins a conversation"
    )


BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": Question.model_json_schema()}},
    }
}


def open_conversations(settings: Settings) -> Conversations | None:
    """Return what answers at /answer; None without --faq.

    Raises:
        InputError: passages or an encoder that cannot be used.
    """
    if not settings.faq:
        return None
    folder, intents = (Path(each) if each else None for each in (settings.index, settings.intents))
    threads = settings.threads or 1
    answerer = open_answerer(
        settings.faq, settings.encoder, folder, settings.contact, threads=threads, intents=intents
    )
    answerer.warn_uncalibrated()
    path = settings.conversation_log
    return Conversations(
        answerer, ConversationLog(Path(path), settings.conversation_log_mb) if path else None
    )


def routes_answer(services: Services, conversations: Conversations) -> APIRouter:
    """Return the route."""
    router, waiting = APIRouter(tags=["Answer"]), 0

    async def reply(request: Request, caller: Caller) -> tuple[str, Answer]:
        nonlocal waiting
        services.access.take(caller)
        asked = _parse(await request.body())
        if waiting >= services.settings.max_queue:
            raise HttpError(429, f"{waiting} questions are waiting: try again", {"Retry-After": "1"})
        waiting += 1
        try:
            work = asyncio.to_thread(conversations.reply, asked.question, asked.conversation, caller.name)
            return await asyncio.wait_for(work, services.settings.timeout_seconds)
        except asyncio.TimeoutError:
            raise HttpError(504, "the answer took too long: try again") from None
        except InputError as error:
            raise HttpError(400, str(error)) from error
        finally:
            waiting -= 1

    @router.post("/answer", summary="Answer a question from the stored passages", openapi_extra=BODY)
    async def answer(request: Request) -> dict[str, Any]:
        caller = services.authorize(request, "predict", NAME)
        started, status = time.perf_counter(), 500
        try:
            conversation, found = await reply(request, caller)
            place = found.passage.place if found.passage else None
            services.write_audit(request, "answer", caller=caller.name, kind=found.kind, place=place)
            status = 200
        except (HttpError, Refused) as error:
            status = error.status
            raise
        finally:
            services.monitor.request(NAME, 1, status, {"total": time.perf_counter() - started})
        about = {"conversation": conversation, "request_id": request.scope["request_id"]}
        return {**about, **found.to_json()}

    return router


def _parse(body: bytes) -> Question:
    try:
        return Question.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        raise HttpError(
            422, f"{'.'.join(map(str, first['loc']))}: {first['msg']}: send a JSON object"
        ) from error
