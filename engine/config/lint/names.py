"""Checks of names that the standard gives: segments, message types. What was probably meant is said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from engine.config.finding import Place, Problem
from engine.config.spec import ChannelSpec
from engine.privacy.table import v2_table
from engine.transforms.wording import near

__all__ = ["MESSAGE_TYPES", "check_names", "known_segments"]

_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}")

_TYPES = (
    "ACK ADR ADT BAR BPS BRP BRT BTS CCF CCI CCM CCQ CCR CCU CQU CRM CSU DBC DBU DEL DEO DER DFT DOC DPR DRC"
    " DRG DSR EAC EAN EAR EDR EHC EQQ ERP ESR ESU INR INU IPR LSR LSU MCF MDM MFD MFK MFN MFQ MFR NMD NMQ NMR"
    " OMB OMD OMG OMI OML OMN OMP OMQ OMS OPL OPR OPU ORA ORB ORD ORF ORG ORI ORL ORM ORN ORP ORR ORS ORU ORX"
    " OSM OSQ OSR OSU OUL PEX PGL PIN PMU PPG PPP PPR PPT PPV PRR PTR QBP QCK QCN QRF QRY QSB QSX QVR RAR RAS"
    " RCI RCL RDE RDR RDS RDY REF RER RGR RGV ROL ROR RPA RPI RPL RPR RQA RQC RQI RQP RQQ RRA RRD RRE RRG RRI"
    " RSP RTB SCN SDN SDR SIU SLN SLR SMD SPQ SQM SQR SRM SRR SSR SSU STC STI SUR TBR TCR TCU UDM VQQ VXQ VXR"
    " VXU VXX"
)
MESSAGE_TYPES = frozenset(_TYPES.split())
"""Table 0076, message types, with those of withdrawn versions; types that start with Z are a site's own."""

_EVENTS = {"ADT": "A", "SIU": "S", "SRM": "S", "DFT": "P", "BAR": "P", "MFN": "M", "MDM": "T", "VXU": "V"}
"""The letter of their events, of types whose events have but one."""


def check_names(spec: ChannelSpec) -> Iterator[Problem]:
    """Message types and segments that the standard does not know; what is no name is said elsewhere."""
    source = spec.source.hl7
    if source is None:
        return
    for number, wanted in enumerate(source.message_types):
        place: Place = (*spec.source.place, "message_types", number)
        type_, _, event = wanted.partition("^")
        letter = _EVENTS.get(type_)
        if _SEGMENT.fullmatch(type_) and type_ not in MESSAGE_TYPES and not type_.startswith("Z"):
            text = f"the standard has no messages {type_}"
            yield Problem(place, text, near(type_, MESSAGE_TYPES) or "a site's own start with Z", "warning")
        elif letter and event and event[0] not in (letter, "Z"):
            hint = f"events of {type_} start with {letter}"
            yield Problem(place, f"the standard has no {type_} for {event}", hint, "warning")
    for segment, place in _segments(spec):
        if _SEGMENT.fullmatch(segment) and segment not in known_segments() and not segment.startswith("Z"):
            text, hint = f"the standard has no segment {segment}", near(segment, known_segments())
            yield Problem(place, text, hint or "a site's own start with Z")


def _segments(spec: ChannelSpec) -> Iterator[tuple[str, Place]]:
    for list_ in ("filters", "warnings", "effects"):
        for number, one in enumerate(getattr(spec, list_)):
            if one.for_each is not None:
                yield one.for_each, (list_, number, "for_each")
    for number, rule in enumerate(spec.effects):
        for at, segment in enumerate(rule.forward.segments if rule.forward is not None else ()):
            yield segment, ("effects", number, "forward", "segments", at)


@cache
def known_segments() -> frozenset[str]:
    """Every segment that some version of the standard has."""
    return frozenset(segment for segment, _ in v2_table().fields)
