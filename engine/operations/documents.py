"""What stands in a destination, as people find it there: a document's kind and number, and where to click."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlencode, urlsplit

import msgspec

from engine.destinations.odoo.connection import prefix

__all__ = ["Document", "documents_of"]


class Document(msgspec.Struct, frozen=True):
    """A document: its kind (an Odoo model such as `stock.picking`, or another word of the destination), its
    id or name there, and in Odoo its address, empty where the connection's is not known here."""

    kind: str
    id: str
    url: str = ""


def documents_of(
    destination: str, documents: Mapping[str, str], environ: Mapping[str, str]
) -> Iterator[Document]:
    """Each document of a delivery. Odoo shows a record of any model at `/mail/view`, whatever its version, to
    whoever may read it."""
    kind, _, name = destination.partition(":")
    base = _address(environ.get(f"{prefix(name)}_URL", "")) if kind == "odoo" else ""
    for model, ids in sorted(documents.items()):
        if not ids:
            continue
        several = [one.strip() for one in ids.split(",")]
        if "." not in model or not all(one.isdecimal() for one in several):
            yield Document(model, ids)
            continue
        for one in several:
            query = urlencode({"model": model, "res_id": one})
            yield Document(model, one, f"{base}/mail/view?{query}" if base else "")


def _address(url: str) -> str:
    """An address that may stand behind a link."""
    url = url.strip().rstrip("/")
    return url if urlsplit(url).scheme in ("http", "https") else ""
