"""What is planned is written only if what it goes on from still stands; else it is planned anew."""

from __future__ import annotations

from typing import Final

from engine.correlation import correlation
from engine.listeners.fhir.asking import Answer, Ask
from engine.listeners.fhir.audits import claim
from engine.listeners.fhir.plans import PLANS, Planned
from engine.listeners.fhir.refusals import contended, unavailable
from engine.listeners.fhir.rendering import location, shown, task_id
from engine.listeners.fhir.seen import looked
from engine.resources import Moved, Unit, Written
from engine.telemetry import MessageAccepted, signal

__all__ = ["TRIES", "answer", "perform", "submit"]

TRIES: Final = 20
"""How often what stands may move under one request before it is told so."""


async def perform(ask: Ask) -> Answer:
    """Plan and write, alone. Raises `Rejected`."""
    for _ in range(TRIES):
        planned = await PLANS[ask.interaction](ask)
        if planned.write is None:
            return answer(ask, planned)
        unit = Unit("", (planned.write, *claim(ask, planned)), planned.expects)
        written = await submit(ask, unit)
        if written is not None:
            done = answer(ask, planned, written.at)
            done.headers.append(
                ("X-Correlation-Id", correlation(written.ids[0], unit.writes[0].arrival.received_at))
            )
            return done
    raise contended()


async def submit(ask: Ask, unit: Unit) -> Written | None:
    """What the unit was written as; None when what it goes on from does not stand any more. Raises
    `Rejected` (503) when nothing can be stored."""
    result = await ask.service.doors.submit(unit)
    if result is None:
        raise unavailable()
    if isinstance(result, Moved):
        return None
    for write in unit.writes:
        signal(MessageAccepted(write.arrival.channel, "new"))
    return result


def answer(ask: Ask, planned: Planned, at: float = 0.0) -> Answer:
    """What the client is told of a write (spec: FHIR, 2), made `at` then or standing already."""
    at = planned.standing.at if planned.standing else at
    done = Answer(
        planned.status, location=location(ask.base, planned.key, planned.version),
        version=planned.version, at=at,
    )  # fmt: skip
    if ask.interaction == "delete":
        done.location = ""
        return done
    if ask.prefer.asynchronous and planned.write is not None:
        done.status = 202
        done.headers = [("Content-Location", f"{ask.base}/Task/{task_id(planned.key, planned.version)}")]
    elif ask.prefer.returns != "minimal":
        done.body = shown(planned.resource, planned.version, at)
        if planned.standing:  # of what was there before; what is written now is chained with who wrote it
            looked(ask, [planned.standing])
    return done
