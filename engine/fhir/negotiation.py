"""Which form a body has and which form an answer takes: FHIR's MIME types (http.html)."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from engine.fhir.issues import Issue, Rejected
from engine.fhir.releases import VERSIONS, Release, release_of

__all__ = ["JSON_PATCH", "MIME", "Wire", "accepted_wire", "body_wire", "media_type", "patch_wire"]

Wire = Literal["json", "xml"]

MIME: Final[dict[Wire, str]] = {"json": "application/fhir+json", "xml": "application/fhir+xml"}
JSON_PATCH: Final = "application/json-patch+json"

_WIRES: Final[dict[str, Wire]] = {
    "application/fhir+json": "json", "application/json": "json", "text/json": "json",
    "application/json+fhir": "json", "application/fhir+xml": "xml", "application/xml": "xml",
    "text/xml": "xml", "application/xml+fhir": "xml",
}  # fmt: skip
_FORMATS: Final[dict[str, Wire]] = {"json": "json", "xml": "xml", **_WIRES}
_ANY: Final = {"*/*", "application/*"}


class _Media(NamedTuple):
    name: str
    parameters: dict[str, str]

    @property
    def quality(self) -> float:
        try:
            return float(self.parameters.get("q", "1"))
        except ValueError:
            return 0.0


def _media(text: str) -> _Media:
    name, *rest = text.split(";")
    pairs = (part.partition("=") for part in rest)
    parameters = {key.strip().lower(): value.strip().strip('"') for key, _, value in pairs}
    return _Media(name.strip().lower(), parameters)


def body_wire(header: str | None, release: Release, *, xml: bool = True) -> Wire:
    """The form of a body. Raises `Rejected` (415): nothing is guessed from the body itself."""
    media = _body_media(header)
    wire = _WIRES.get(media.name)
    if wire is None or (wire == "xml" and not xml):
        raise Rejected(
            415, Issue("not-supported", "the Content-Type must be one of FHIR: application/fhir+json")
        )
    if not _speaks(media, release):
        raise Rejected(
            415, Issue("not-supported", "fhirVersion of the Content-Type is not that of this address")
        )
    return wire


def patch_wire(header: str | None, release: Release) -> Literal["json-patch", "fhirpath"]:
    """Which kind of patch. Raises `Rejected` (415) with the kinds that are taken."""
    media = _body_media(header)
    if media.name == JSON_PATCH:
        return "json-patch"
    if media.name in _WIRES and _speaks(media, release):
        return "fhirpath"
    raise Rejected(
        415,
        Issue("not-supported", "a patch is application/json-patch+json"),
        headers=(("Accept-Patch", f"{JSON_PATCH}"),),
    )


def _body_media(header: str | None) -> _Media:
    if not header:
        raise Rejected(415, Issue("not-supported", "a body needs a Content-Type"))
    media = _media(header)
    if media.parameters.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        raise Rejected(415, Issue("not-supported", "the only charset is UTF-8"))
    return media


def accepted_wire(accept: str | None, format_: str | None, release: Release, *, xml: bool = True) -> Wire:
    """The form of the answer; `_format` wins over `Accept`. Raises `Rejected` (406)."""
    if format_ is not None:
        media = _media(format_.replace(" ", "+"))  # an unescaped + in a query
        wire = _FORMATS.get(media.name)
        if wire and (wire == "json" or xml) and _speaks(media, release):
            return wire
        raise _unacceptable()
    if not accept or not accept.strip():
        return "json"
    medias = sorted((_media(part) for part in accept.split(",")), key=lambda media: -media.quality)
    for media in medias:
        wire = "json" if media.name in _ANY else _WIRES.get(media.name)
        if wire and media.quality > 0 and (wire == "json" or xml) and _speaks(media, release):
            return wire
    raise _unacceptable()


def _unacceptable() -> Rejected:
    return Rejected(
        406, Issue("not-supported", "answers are application/fhir+json of this address's fhirVersion")
    )


def _speaks(media: _Media, release: Release) -> bool:
    version = media.parameters.get("fhirversion")
    return version is None or release_of(version) == release


def media_type(wire: Wire, release: Release) -> str:
    """The Content-Type of an answer."""
    return f"{MIME[wire]}; fhirVersion={VERSIONS[release].rpartition('.')[0]}; charset=utf-8"
