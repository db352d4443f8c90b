"""Checks of a channel whose messages are FHIR resources."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from engine.config.finding import Place, Problem
from engine.config.listening import listens_on
from engine.config.spec import ChannelSpec, FhirSource
from engine.errors import Misconfigured
from engine.fhir.path import Path, element_of
from engine.fhir.resource_types import TYPES
from engine.fhir.rules import may_delete
from engine.privacy.fhir_policy import FhirPolicy
from engine.privacy.fhir_readers import FhirReaders
from engine.privacy.fhir_table import fhir_table
from engine.transforms.wording import meant

__all__ = ["FHIR", "check_fhir", "comes", "unread"]

FHIR: Place = ("source", "fhir")

_NOT_TAKEN = frozenset({"Bundle", "Parameters", "OperationOutcome", "CapabilityStatement", "Binary"})
"""What travels between a client and the server, or nobody can look into."""

_MADE_HERE = frozenset({"AuditEvent", "Provenance", "Task"})
"""What the server makes itself and gives whoever may read it."""

_CONTEXT = frozenset(
    {"Patient", "RelatedPerson", "Practitioner", "PractitionerRole", "Encounter", "Account", "Device"}
)
"""Whose identifiers are read through references to them."""

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
    yield from _resources(source)
    yield from _for_each(spec, source)
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


def comes(source: FhirSource) -> Collection[str]:
    """The types of resources that come here; none where one is misspelt, for then nobody knows."""
    return source.resources if source.resources.keys() <= _known(source) else ()


def _known(source: FhirSource) -> frozenset[str]:
    return frozenset[str]().union(*(TYPES[release] for release in source.releases))


def _resources(source: FhirSource) -> Iterator[Problem]:
    """Types that there are, and what may be done with each."""
    known = _known(source)
    for type_, interactions in source.resources.items():
        place: Place = (*FHIR, "resources", type_)
        if type_ not in known:
            text = f"{' and '.join(source.releases)} have no resource {type_}"
            yield Problem(place, text, meant(type_, sorted(known)), on_key=True)
        elif type_ in _MADE_HERE:
            text = f"the server makes {type_} itself"
            yield Problem(place, text, "leave it out", on_key=True)
        elif (type_,) not in fhir_table().elements or type_ in _NOT_TAKEN:
            text = f"nothing of {type_} may be read or kept here"
            yield Problem(place, text, "leave it out", on_key=True)
        yield from _interactions(type_, interactions, place)
    for number, release in enumerate(source.releases):
        if release in source.releases[:number]:
            yield Problem((*FHIR, "releases", number), f"{release} is listed twice", severity="warning")


def _interactions(type_: str, listed: Sequence[str], place: Place) -> Iterator[Problem]:
    if not listed:
        yield Problem(place, "nobody may do anything with it", "such as [create, read, search]")
    for number, one in enumerate(listed):
        if one in listed[:number]:
            yield Problem((*place, number), f"{one} is listed twice", severity="warning")
        elif one == "delete" and not may_delete(type_):
            text = f"a {type_} is taken back by its status, never deleted"
            yield Problem((*place, number), text, "leave delete out")


def _for_each(spec: ChannelSpec, source: FhirSource) -> Iterator[Problem]:
    """Elements that there are, of resources that come here."""
    listed = [("effects", n, one.for_each) for n, one in enumerate(spec.effects)]
    listed += [("filters", n, step.for_each) for n, step in enumerate(spec.filters)]
    listed += [("warnings", n, remark.for_each) for n, remark in enumerate(spec.warnings)]
    for list_, number, text in listed:
        if text is None:
            continue
        try:
            type_, _ = element_of(text)
            FhirPolicy().leaf(Path.parse(text))
        except Misconfigured as error:
            yield Problem((list_, number, "for_each"), error.text, error.hint)
        else:
            if comes(source) and type_ not in source.resources:
                hint = meant(type_, sorted(source.resources))
                yield Problem((list_, number, "for_each"), f"no {type_} comes to this channel", hint)


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


def unread(spec: ChannelSpec, readers: object) -> Iterator[Problem]:
    """What a FHIR channel declares and no path names, and the other way round, once all is compiled."""
    source = spec.source.fhir
    if source is None or not isinstance(readers, FhirReaders):
        return
    for element in sorted(readers.nowhere):
        text = f"{element} is in no release that this channel speaks, and is always empty"
        yield Problem((*FHIR, "releases"), text, f"it speaks {', '.join(source.releases)}", "warning")
    for name in spec.systems:
        if name not in readers.used_systems:
            text = f"no path uses the system {name}"
            yield Problem(("systems", name), text, "remove it", "warning", on_key=True)
    for type_ in source.resources:
        if type_ not in readers.named | _CONTEXT and (type_,) in fhir_table().elements:
            text, hint = "it is accepted, but no rule is about it", "add a rule or remove it"
            yield Problem((*FHIR, "resources", type_), text, hint, "warning", on_key=True)


def _hl7_only(spec: ChannelSpec) -> Iterator[Problem]:
    for name in _HL7_ONLY:
        if getattr(spec, name):
            yield Problem((name,), f"{name} is for HL7 v2", "remove it", on_key=True)
    if spec.validation != "none":
        text = "a resource is checked before it is stored"
        yield Problem(("validate",), text, "remove it", on_key=True)
