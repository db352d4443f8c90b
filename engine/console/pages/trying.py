"""The page of trials: a channel, a message, and what becomes of it, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.config.loading import LoadedChannel, load_channel
from engine.console.assets import stylesheet
from engine.console.pages.rendering import page, rendered
from engine.destinations.odoo import OdooConnection
from engine.errors import Misconfigured
from engine.hl7.charset import codec_of
from engine.workbench.trial import Tried, try_message, with_plan

__all__ = ["Forms", "Trials", "standalone", "trial_routes"]

LARGEST = 1024 * 1024
"""Bytes of a form: a message is a few thousand."""

_FIELDS = 10


class Forms(Protocol):
    """What keeps the forms of other pages out."""

    def token(self, request: Request) -> str: ...
    def accepts(self, request: Request, token: str) -> bool: ...


class Trials(msgspec.Struct, frozen=True):
    """Which channels can be tried: `files` lists their files as they are now, `sites` are the overlays, and
    `connection` an Odoo that may be read."""

    files: Callable[[], Sequence[Path]]
    sites: tuple[str, ...] = ()
    connection: OdooConnection | None = None

    def named(self) -> dict[str, Path]:
        """The channel files by name."""
        return {path.stem: path for path in self.files()}

    def load(self, path: Path) -> LoadedChannel:
        """A channel as it is now. Raises `Misconfigured`."""
        return load_channel(path, self.sites)


class _Asked(msgspec.Struct, frozen=True):
    """What the form says."""

    channel: str = ""
    message: str = ""
    odoo: bool = False


def trial_routes(source: Callable[[], Trials], forms: Forms) -> list[Route]:
    """`GET /try` shows the form, `POST /try` what becomes of the message, by the channels that `source` says.
    Nothing is stored or sent."""

    async def show(request: Request) -> Response:
        chosen = request.query_params.get("channel", "")
        return await run_in_threadpool(lambda: _page(source(), forms.token(request), _Asked(chosen)))

    async def tried(request: Request) -> Response:
        fields, trials = await _form(request), await run_in_threadpool(source)
        if fields is None:
            return _page(
                trials, forms.token(request), _Asked(), wrong="The message is too large.", status=413
            )
        if not forms.accepts(request, fields.get("token", "")):
            text = "This form is not one of this session: try again."
            return _page(trials, forms.token(request), _Asked(), wrong=text, status=403)
        asked = _Asked(fields.get("channel", ""), fields.get("message", ""), "odoo" in fields)
        return await run_in_threadpool(_tried, trials, asked, forms.token(request))

    return [Route("/try", show, methods=["GET"]), Route("/try", tried, methods=["POST"])]


def standalone(tried: Tried) -> str:
    """A trial as one file that needs nothing else."""
    return rendered("trial_file.html", tried=tried, style=stylesheet())


def _tried(trials: Trials, asked: _Asked, token: str) -> Response:
    path = trials.named().get(asked.channel)
    if path is None:
        return _page(trials, token, asked, wrong="Choose a channel.", status=422)
    if not asked.message.strip():
        return _page(trials, token, asked, wrong="Paste a message.", status=422)
    try:
        attempt = try_message(trials.load(path), _raw(asked.message))
    except Misconfigured as error:  # the channel's findings, line by line
        return _page(trials, token, asked, wrong=str(error), status=422)
    connection = trials.connection if asked.odoo else None
    return _page(trials, token, asked, with_plan(attempt, connection))


def _page(
    trials: Trials,
    token: str,
    asked: _Asked,
    tried: Tried | None = None,
    *,
    wrong: str = "",
    status: int = 200,
) -> Response:
    return page(
        "trying.html",
        status,
        channels=sorted(trials.named()),
        asked=asked,
        odoo=trials.connection.name if trials.connection else "",
        token=token,
        tried=tried,
        wrong=wrong,
    )


async def _form(request: Request) -> dict[str, str] | None:
    """The form's fields; None for one that is too large."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            return None
    try:
        found = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_FIELDS)
    except ValueError:
        return {}
    return {name: values[0] for name, values in found.items()}


def _raw(text: str) -> bytes:
    """The message as a sender would write it: segments end in CR, in the character set that it declares."""
    if text.lstrip().startswith("{"):
        return text.encode()
    lines = text.strip().replace("\r\n", "\r").replace("\n", "\r")
    declared = (lines.split("\r")[0].split(lines[3:4] or "|") + [""] * 18)[17]
    codec = codec_of(declared.split("~")[0]) or "utf-8"
    return lines.encode(codec, "replace") + b"\r"
