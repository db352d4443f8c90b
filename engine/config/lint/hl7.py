"""Checks of a channel whose messages are HL7 v2: what it takes, from where, and how it answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from engine.config.course import check_course
from engine.config.finding import Problem
from engine.config.lint.answers import check_answers
from engine.config.lint.folder import check_folder
from engine.config.listening import listens_on
from engine.config.spec import ChannelSpec, Hl7Source, MllpSource
from engine.hl7.charset import carries_hl7
from engine.transforms.wording import meant

__all__ = ["check_hl7"]

MLLP = ("source", "mllp")

_TYPE = re.compile(r"[A-Z][A-Z0-9]{2}(\^[A-Z][A-Z0-9]{2})?")


def check_hl7(spec: ChannelSpec) -> Iterator[Problem]:
    """What the model of an HL7 v2 channel says that cannot be meant; nothing for another."""
    source = spec.source.hl7
    if source is None:
        return
    for check in (_source, _answers):
        yield from check(spec, source)
    yield from check_answers(spec)
    yield from check_folder(spec)
    yield from _network(spec)
    yield from check_course(spec)


def _source(spec: ChannelSpec, source: Hl7Source) -> Iterator[Problem]:
    at = spec.source.place
    for number, wanted in enumerate(source.message_types):
        place = (*at, "message_types", number)
        if not _TYPE.fullmatch(wanted):
            yield Problem(place, "not a message type", "write it like ADT^A01, or ADT for all its events")
        elif wanted in source.message_types[:number]:
            yield Problem(place, "this message type is listed twice", "remove one", "warning")
    if source.charset and not carries_hl7(source.charset):
        hint = meant(source.charset, ("cp1252", "iso8859-1", "iso8859-15", "utf-8", "cp1250", "shift_jis"))
        yield Problem((*at, "charset"), "no character set that a message can be in", hint)


def _answers(spec: ChannelSpec, source: Hl7Source) -> Iterator[Problem]:
    at = spec.source.place
    if source.ack_mode == "never":
        place = (*at, "ack_mode")
        if source.acknowledge == "storage":
            text, hint = "without an answer the sender cannot know of a loss", "auto answers as MSH asks for"
            yield Problem(place, text, hint, "warning")
        else:
            text = f"nobody is told the outcome that acknowledge: {source.acknowledge} waits for"
            yield Problem(place, text, "answer, or acknowledge: storage")
    if source.acknowledge == "delivery" and spec.criticality == "bulk":
        text = "bulk deliveries wait behind all others, and here the sender waits for them"
        yield Problem((*at, "acknowledge"), text, "acknowledge: storage", "warning")


def _network(spec: ChannelSpec) -> Iterator[Problem]:
    source = spec.source.mllp
    if source is None:
        return
    try:
        bound = listens_on(source.listen)
    except ValueError:
        hint = "tcp:PORT, tcp:ADDRESS:PORT (up to 65535) or env:NAME"
        yield Problem((*MLLP, "listen"), "not a place to listen", hint)
        return
    for number, network in enumerate(source.allow):
        try:
            ip_network(network)
        except ValueError:
            yield Problem((*MLLP, "allow", number), "not a network", "write it like 10.20.0.0/16")
    if bound and bound[0] and not ip_address(bound[0]).is_loopback and source.tls is None:
        yield from _plain_beyond_loopback(source)
    if source.tls and source.tls.client_names and not source.tls.client_ca:
        text = "client_names are only looked at when client_ca is set"
        yield Problem((*MLLP, "tls", "client_names"), text, "add client_ca")


def _plain_beyond_loopback(source: MllpSource) -> Iterator[Problem]:
    if not source.insecure_ok:
        text = "listening beyond this machine without TLS"
        yield Problem((*MLLP, "listen"), text, "add tls:, or insecure_ok: yes together with allow:")
    elif not source.allow:
        text = "plain MLLP beyond this machine needs a list of who may connect"
        yield Problem((*MLLP, "insecure_ok"), text, "add allow: [10.20.0.0/16]")
