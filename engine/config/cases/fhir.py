"""The resource that a case of a FHIR channel sends: JSON or YAML, changed by FHIR paths."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from engine.config.cases.fhir_overriding import override_resource, remove_element, typed
from engine.config.cases.files import CaseFile, Sent
from engine.config.cases.overriding import Unplaced
from engine.config.finding import Place, Problem
from engine.config.spec import FhirSource
from engine.errors import Unacceptable
from engine.fhir import json_text
from engine.fhir.releases import Release
from engine.fhir.stored import Stored, pack
from engine.transforms.wording import meant

__all__ = ["NAMELESS", "resource_of"]

NAMELESS = "case"
"""The id of a resource that gives none: this server makes one up, and a case needs one that it can name."""

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")


def resource_of(
    sent: Sent, file: CaseFile, folder: Path, place: Place, source: FhirSource
) -> tuple[bytes, Problem | None]:
    """What a case sends, as it would be stored (`engine.fhir.stored`), or what keeps it from being made.
    Text that is no JSON is sent as it is, to be refused."""
    release = sent.release or source.releases[0]
    found, problem = _start(sent, file, folder, place, release)
    if problem is not None or isinstance(found, bytes):
        return found if isinstance(found, bytes) else b"", problem
    for at, path in enumerate(sent.without):
        try:
            remove_element(found, path)
        except Unplaced as error:
            return b"", Problem((*place, "without", at), str(error))
    for path, value in sent.overrides.items():
        try:
            override_resource(found, path, value, release)
        except Unplaced as error:
            return b"", Problem((*place, "with", path), str(error), on_key=True)
    return _packed(found, release, deleted=sent.deleted), None


def _packed(resource: dict[str, Any], release: Release, *, deleted: bool) -> bytes:
    type_, id_ = str(resource.get("resourceType", "")), str(resource.get("id", ""))
    body = json_text.dump(resource)
    if not _TYPE.fullmatch(type_):
        return body
    return pack(Stored(release, type_, id_ if _ID.fullmatch(id_) else NAMELESS, 1, deleted, body))


def _start(
    sent: Sent, file: CaseFile, folder: Path, place: Place, release: Release
) -> tuple[dict[str, Any] | bytes, Problem | None]:
    """The resource before its changes."""
    if (sent.message is None) == (sent.file is None):
        return b"", Problem(place, "a case has one message", "give message: or file:")
    if sent.file is not None:
        try:
            return _read((folder / sent.file).read_bytes()), None
        except OSError:
            hint = "it is looked for beside the test file"
            return b"", Problem((*place, "file"), "the file cannot be read", hint)
    message = sent.message
    if isinstance(message, str) and not message.lstrip().startswith("{"):
        if message not in file.messages:
            text = f"no message is called {message}"
            return b"", Problem((*place, "message"), text, meant(message, file.messages))
        message = file.messages[message]
    if isinstance(message, str):
        return _read(message.encode()), None
    return typed(message, release), None


def _read(raw: bytes) -> dict[str, Any] | bytes:
    try:
        return json_text.load(raw)
    except Unacceptable:
        return raw
