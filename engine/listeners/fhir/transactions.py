"""Transactions: all entries are planned on what stands, and written together or not at all (FHIR, http.html,
3.1.0.11.2). The result does not depend on the order of the entries."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

from msgspec.structs import replace

from engine.fhir import outcome, validation
from engine.fhir.bundle import Entry, conditional_references, ordered, rewrite, same_twice
from engine.fhir.issues import Issue, Rejected
from engine.fhir.precedence import referred_first
from engine.fhir.searching import read_condition
from engine.listeners.fhir.asking import Answer, Ask
from engine.listeners.fhir.audits import claim
from engine.listeners.fhir.conditions import query_pairs
from engine.listeners.fhir.interactions import INTERACTIONS, structure
from engine.listeners.fhir.plans import PLANS, Planned
from engine.listeners.fhir.refusals import contended, placed
from engine.listeners.fhir.room import Room
from engine.listeners.fhir.writes import TRIES, answer, submit
from engine.resources import Expect, Unit

__all__ = ["transact"]


class _Draft(NamedTuple):
    """An entry of a transaction and what it comes to."""

    entry: Entry
    ask: Ask


async def transact(ask: Ask, asks: list[tuple[Entry, Ask]]) -> tuple[list[Answer], str]:
    """Do all or nothing; the answers in the order of the entries, and the id of what was written (empty
    for nothing). Raises `Rejected` with one finding or more, and then nothing has happened."""
    drafts = [_Draft(entry, asked) for entry, asked in asks]
    writing = [draft for draft in drafts if draft.ask.interaction in PLANS]
    for draft in drafts:
        _authorise(draft.ask)
    issues: list[Issue] = []
    for draft in writing:
        issues += await draft.ask.apart(draft.ask.size, _structure, draft)
        await asyncio.sleep(0)
    if issues:
        raise Rejected(validation.status_of(issues), *issues)
    for _ in range(TRIES):
        done = await _attempt(ask, [_Draft(*one) for one in _by_entry(writing)])
        if done is not None:
            answers, unit = done
            room = Room(ask)
            for draft in drafts:
                if draft.entry.number not in answers:
                    answers[draft.entry.number] = await _reading(draft, room)
            return [answers[draft.entry.number] for draft in drafts], unit
    raise contended()


def _by_entry(drafts: list[_Draft]) -> list[_Draft]:
    order = {entry.number: place for place, entry in enumerate(ordered([draft.entry for draft in drafts]))}
    return sorted(drafts, key=lambda draft: order[draft.entry.number])


def _authorise(ask: Ask) -> None:
    """Each entry for itself, before anything is looked up for any. Of Tasks everybody reads his own."""
    right: Any = {"conditional-update": "update"}.get(ask.interaction, ask.interaction)
    if ask.type != "Task":
        ask.must(right)


def _structure(draft: _Draft) -> list[Issue]:
    try:
        structure(draft.ask, conditional=True)
    except Rejected as error:
        return list(placed(error, draft.entry.place).issues)
    return []


async def _attempt(ask: Ask, writing: list[_Draft]) -> tuple[dict[int, Answer], str] | None:
    """Plan all entries on what stands now and write them; None when it did not stand any more."""
    standing, expects = await _known_links(writing)
    planned: list[tuple[_Draft, Planned]] = []
    for draft in writing:
        asked = draft.ask
        if isinstance(asked.body, dict):
            asked = replace(asked, body=rewrite(asked.body, standing))
        planned.append((draft, await _plan(draft, asked)))
        await asyncio.sleep(0)
    _check_once(planned)
    writes = tuple(
        write
        for plan in _in_order(planned)
        if plan.write is not None
        for write in (plan.write, *claim(replace(ask, type=plan.key.type), plan))
    )
    at, unit = 0.0, ""
    if writes:
        unit = ask.service.new_id()
        every = (*expects, *(expect for _, plan in planned for expect in plan.expects))
        written = await submit(ask, Unit(unit, writes, every))
        if written is None:
            return None
        at = written.at
    returns = ask.prefer.returns or "minimal"
    return {
        draft.entry.number: answer(
            replace(draft.ask, prefer=ask.prefer._replace(returns=returns, asynchronous=False)),
            plan,
            at,
        )
        for draft, plan in planned
    }, unit


def _in_order(planned: list[tuple[_Draft, Planned]]) -> list[Planned]:
    """What is written: first what others refer to, whatever the order of the entries. So it is routed."""
    plans = {f"{plan.key.type}/{plan.key.id}": plan for _, plan in planned if plan.write is not None}
    return [plans[name] for name in referred_first({name: plan.resource for name, plan in plans.items()})]


def _check_once(planned: list[tuple[_Draft, Planned]]) -> None:
    """A resource only once; and two entries that look for the same would both find nothing."""
    changed = [(draft.entry, plan.key) for draft, plan in planned if plan.write is not None]
    conditions = [
        (draft.entry, find) for draft, plan in planned for find in {expect.find for expect in plan.expects}
    ]
    issues = [*same_twice(changed), *same_twice(conditions)]
    if issues:
        raise Rejected(400, *issues)


async def _known_links(writing: list[_Draft]) -> tuple[dict[str, str], list[Expect]]:
    """What references mean: the full addresses of entries, and searches that must match exactly one."""
    links: dict[str, str] = {}
    expects: dict[str, Expect] = {}
    for draft in writing:
        target = await _target(draft)
        if draft.entry.full_url:
            links[draft.entry.full_url] = target
        for place, text in conditional_references(draft.ask.body, draft.ask.place):
            if text not in expects:
                expects[text] = await _exactly_one(draft.ask, text, place)
                links[text] = f"{expects[text].find.type}/{expects[text].ids[0]}"
    return links | _restful(links, writing), list(expects.values())


def _restful(links: Mapping[str, str], writing: list[_Draft]) -> dict[str, str]:
    """References relative to the address that an entry has elsewhere (`Patient/7` beside
    `http://there/Patient/7`)."""
    found: dict[str, str] = {}
    for draft in writing:
        parts = draft.entry.full_url.split("/")
        if draft.ask.interaction == "create" and draft.entry.full_url.startswith("http") and len(parts) > 4:
            found["/".join(parts[-2:])] = links[draft.entry.full_url]
    return found


async def _target(draft: _Draft) -> str:
    """What the resource of an entry is called from now on: its new id, or that of the one that is here."""
    ask = draft.ask
    if ask.interaction not in ("create", "conditional-update"):
        return f"{ask.type}/{ask.id}"
    if ask.interaction == "create" and ask.header("if-none-exist") is None and not ask.offer.unique:
        return f"{ask.type}/{ask.new_id}"
    planned = await _plan(draft, ask)
    return f"{ask.type}/{planned.key.id}"


async def _plan(draft: _Draft, ask: Ask) -> Planned:
    try:
        return await PLANS[ask.interaction](ask)
    except Rejected as error:
        raise placed(error, draft.entry.place) from None


async def _exactly_one(ask: Ask, text: str, place: str) -> Expect:
    type_, _, query = text.partition("?")
    ask.must("search", type_=type_)
    find = read_condition(query_pairs(query), ask.context(type_))
    doors = ask.service.doors
    found = (await doors.look(doors.store.find, find)).versions
    if len(found) != 1:
        code: Any = "multiple-matches" if found else "not-found"
        raise Rejected(412, Issue(code, "a conditional reference must match exactly one resource", place))
    return Expect(find, (found[0].key.id,))


async def _reading(draft: _Draft, room: Room) -> Answer:
    """A GET of a transaction comes after its writes; one that is refused is said so in its place."""
    try:
        return await room.read(INTERACTIONS[draft.ask.interaction], draft.ask)
    except Rejected as error:
        said = outcome.operation_outcome(error.issues)
        return Answer(error.status, said)
