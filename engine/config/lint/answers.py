"""Checks of what a channel says about answering beyond the usual (docs/manual/acknowledgement.md)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.config.finding import Place, Problem
from engine.config.listening import is_loopback
from engine.config.spec import ChannelSpec, FolderSource, Hl7Source, MllpSource
from engine.hl7.order_response import ANSWERED_BY

__all__ = ["check_answers"]

_LINK = re.compile(r"env:[A-Z][A-Z0-9_]*|tcp:(?P<host>.+):(?P<port>[0-9]{1,5})")

_ANSWERED = {
    "order": (tuple(ANSWERED_BY), "orders: OMS^O05, OMN^O07, OMP^O09, ORM^O01 …"),
    "master": (("MFN",), "master files: MFN^M04, MFN^M16 …"),
}
"""By `respond`: the messages (or their type) that have such an answer, and how a hint names them."""

MLLP: Place = ("source", "mllp")


def check_answers(spec: ChannelSpec) -> Iterator[Problem]:
    """Settings of the source that do nothing where they stand, or more than many would expect."""
    source, at = spec.source.hl7, spec.source.place
    if source is None:
        return
    if source.acknowledge != "delivery" and "acknowledge_late" in source.model_fields_set:
        text = "acknowledge_late has no effect here"
        yield Problem((*at, "acknowledge_late"), text, "it goes with acknowledge: delivery", "warning")
    if source.respond:
        yield from _response(source, (*at, "respond"))
    yield from _unheard(source, at)
    if isinstance(source, MllpSource):
        yield from _store_unavailable(source)
        yield from _separate(source)


def _unheard(source: Hl7Source, at: Place) -> Iterator[Problem]:
    """Settings of an answer that nobody gets."""
    never = source.ack_mode == "never"
    unread = isinstance(source, FolderSource) and source.answers == "none"
    told_first = source.acknowledge == "storage" and source.ack_mode == "original"
    why = "ack_mode: never" if never else "answers: none" if unread else "acknowledge: storage"
    names = ("respond", "filtered", "acknowledge_timeout") if never or unread or told_first else ()
    names = (*names, "batch_answers", "control_id_reuse") if never or unread else names
    for name in names:
        if name in source.model_fields_set:
            text = f"{name} has no effect with {why}" + (
                " in original mode" if why.startswith("ack") and not never else ""
            )
            yield Problem((*at, name), text, "nobody is told", "warning")
    if source.charset_strict and "charset" in source.model_fields_set:
        text = "charset has no effect with charset_strict"
        yield Problem((*at, "charset"), text, "what it is for is refused: keep one of the two", "warning")


def _response(source: Hl7Source, place: Place) -> Iterator[Problem]:
    """Answers that say what became of orders, or of the records of a master file."""
    about = "a record" if source.respond == "master" else "an order"
    if source.acknowledge == "storage":
        text = f"what became of {about} is not known when it is acknowledged after storage"
        yield Problem(place, text, "acknowledge: transform, or delivery")
    elif source.acknowledge == "delivery" and source.acknowledge_late != "error":
        text = f"{about} that is not carried out in time would be told as done"
        yield Problem(place, text, "acknowledge_late: error")
    answered, examples = _ANSWERED[source.respond]
    if not any(one.startswith(wanted[: len(one)]) for one in answered for wanted in source.message_types):
        text = "no message of the channel has such an answer"
        yield Problem(place, text, f"it goes with {examples}", "warning")


def _store_unavailable(source: MllpSource) -> Iterator[Problem]:
    place = (*MLLP, "store_unavailable")
    if source.store_unavailable == "close":
        return
    if source.mllp_release == "2":
        text = "store_unavailable has no effect with mllp_release: 2"
        yield Problem(place, text, "release 2 has an answer of its own for this", "warning")
    else:
        text = "many senders throw away what is refused"
        yield Problem(place, text, "close makes them send it again", "warning")


def _separate(source: MllpSource) -> Iterator[Problem]:
    if source.app_ack == "same":
        for name in ("app_ack_to", "app_ack_tls"):
            if name in source.model_fields_set:
                text, hint = f"{name} has no effect here", "it goes with app_ack: separate"
                yield Problem((*MLLP, name), text, hint, "warning")
        return
    if source.ack_mode in ("original", "never"):
        text = f"no application answer is ever apart with ack_mode: {source.ack_mode}"
        yield Problem((*MLLP, "app_ack"), text, "auto follows MSH-15 and MSH-16")
    if not source.app_ack_to:
        yield Problem((*MLLP, "app_ack"), "nobody to send application answers to", "add app_ack_to:")
    else:
        yield from _link(source)


def _link(source: MllpSource) -> Iterator[Problem]:
    place, found = (*MLLP, "app_ack_to"), _LINK.fullmatch(source.app_ack_to)
    if not found or int(found["port"] or 1) not in range(1, 65536):
        yield Problem(place, "not a place to send to", "tcp:HOST:PORT (1 to 65535) or env:NAME")
    elif found["host"] and not is_loopback(found["host"]) and not (source.app_ack_tls or source.insecure_ok):
        yield Problem(
            place, "sending beyond this machine without TLS", "add app_ack_tls:, or insecure_ok: yes"
        )
