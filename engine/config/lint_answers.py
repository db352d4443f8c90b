"""Checks of what a channel says about answering beyond the usual (docs/manual/acknowledgement.md)."""

from __future__ import annotations

from collections.abc import Iterator

from engine.config.finding import Place, Problem
from engine.config.spec import ChannelSpec, MllpSource

__all__ = ["check_answers"]

MLLP: Place = ("source", "mllp")


def check_answers(spec: ChannelSpec) -> Iterator[Problem]:
    """Settings of the source that do nothing where they stand, or more than many would expect."""
    source, at = spec.source.door, spec.source.place
    if source.acknowledge != "delivery" and "acknowledge_late" in source.model_fields_set:
        text = "acknowledge_late has no effect here"
        yield Problem((*at, "acknowledge_late"), text, "it goes with acknowledge: delivery", "warning")
    if isinstance(source, MllpSource):
        yield from _store_unavailable(source)


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
