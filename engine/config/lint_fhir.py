"""Checks of a channel whose messages are FHIR resources."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from engine.config.finding import Place, Problem
from engine.config.listening import listens_on
from engine.config.spec import ChannelSpec, FhirSource

__all__ = ["FHIR", "check_fhir"]

FHIR: Place = ("source", "fhir")

_HL7_ONLY = ("course", "profile", "required")


def check_fhir(spec: ChannelSpec) -> Iterator[Problem]:
    """What the model of a FHIR channel says that cannot be meant."""
    source = spec.source.fhir
    if source is None:
        if spec.systems:
            yield Problem(("systems",), "systems are for FHIR paths", "remove it", on_key=True)
        return
    yield from _listens(source)
    yield from _base_url(source)
    yield from _hl7_only(spec)


def _listens(source: FhirSource) -> Iterator[Problem]:
    try:
        bound = listens_on(source.listen)
    except ValueError:
        hint = "tcp:PORT, tcp:ADDRESS:PORT (up to 65535) or env:NAME"
        yield Problem((*FHIR, "listen"), "not a place to listen", hint)
        return
    beyond = bound and bound[0] and not ip_address(bound[0]).is_loopback
    if beyond and source.tls is None and not source.insecure_ok:
        text = "listening beyond this machine without TLS"
        yield Problem((*FHIR, "listen"), text, "add tls:, or insecure_ok: yes behind a proxy that has it")
    if source.tls and source.tls.client_names and not source.tls.client_ca:
        text = "client_names are only looked at when client_ca is set"
        yield Problem((*FHIR, "tls", "client_names"), text, "add client_ca")


def _base_url(source: FhirSource) -> Iterator[Problem]:
    """An address that clients can sign their assertions for: scheme, host and port, nothing more."""
    if not source.base_url:
        return
    place: Place = (*FHIR, "base_url")
    try:
        parts = urlsplit(source.base_url)
        plain = parts.geturl() == f"{parts.scheme}://{parts.netloc}" and bool(parts.hostname)
        plain = plain and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        plain = False
    if not plain or parts.scheme not in ("http", "https"):
        yield Problem(place, "not the address of a server", "https://HOST:PORT, without a slash at its end")
    elif parts.scheme == "http" and source.tls is not None:
        yield Problem(place, "clients are told http, and tls: is set", "write https://")


def _hl7_only(spec: ChannelSpec) -> Iterator[Problem]:
    for name in _HL7_ONLY:
        if getattr(spec, name):
            yield Problem((name,), f"{name} is for HL7 v2", "remove it", on_key=True)
    if spec.validation != "none":
        text = "a resource is checked before it is stored"
        yield Problem(("validate",), text, "remove it", on_key=True)
    for number, rule in enumerate(spec.effects):
        if rule.forward is not None:
            text = "only HL7 v2 messages are passed on"
            yield Problem(("effects", number, "forward"), text, "remove the rule", on_key=True)
