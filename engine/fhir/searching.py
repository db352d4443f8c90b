"""A search as FHIR writes it (R4 and R5, search.html), turned into what the store can find.

Values of tokens and references become keyed digests at once: nothing of them stays in clear."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import tzinfo
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from engine.fhir.dates import bounds
from engine.fhir.indexing import Key, term
from engine.fhir.issues import Issue, Rejected
from engine.fhir.parameters import NAMES, Param, parameters_of
from engine.fhir.references import is_id
from engine.fhir.releases import Release
from engine.resources import Find, Span

__all__ = ["COUNT", "MOST", "Context", "Pairs", "Search", "parse_search", "read_condition"]

Pairs = Sequence[tuple[str, str]]
"""The parameters of a query, in their order."""

COUNT: Final = 50
MOST: Final = 1000
VALUES: Final = 100
"""Values of one search, at most, in all its parameters."""


_FOREVER: Final = 1e12
_PREFIXED: Final = re.compile(r"(eq|ne|gt|lt|ge|le|sa|eb|ap)?(\d.*)")
_RESULT: Final = {"_format", "_pretty"}  # of the answer's form, not of what is looked for
_STANDARD: Final = NAMES | {
    "_id", "_lastUpdated", "_profile", "_security", "_tag", "_text", "_content", "_list", "_has", "_type",
    "_include", "_revinclude", "_sort", "_elements", "_summary", "_contained", "_containedType", "_score",
    "_query", "_filter", "_source", "name", "family", "given", "birthdate", "gender", "email", "phone",
    "address",
}  # fmt: skip
_NOWHERE: Final = ("-",)  # ids that no resource has both of


class Search(NamedTuple):
    """What is looked for; `count_only` (`_summary=count`), `total` wanted, what was not understood, and
    the parameters that were, for the self link."""

    find: Find
    count_only: bool = False
    total: bool = True
    ignored: tuple[Issue, ...] = ()
    used: tuple[tuple[str, str], ...] = ()


class Context(NamedTuple):
    """What a search is read with: `base` is this server's own address, so that its references are known."""

    release: Release
    type: str
    zone: tzinfo
    key: Key
    base: str


def parse_search(pairs: Pairs, context: Context, *, strict: bool) -> Search:
    """Read a search. A parameter that is not known is ignored and said so, or with `strict` refused.
    Raises `Rejected` (400) for values that mean nothing."""
    if sum(1 + value.count(",") for _, value in pairs) > VALUES:
        raise Rejected(400, Issue("too-costly", "too many values in one search"))
    search = Search(Find(context.release, context.type, limit=COUNT))
    ignored: list[Issue] = []
    for name, value in pairs:
        if name in _RESULT:
            continue
        found = _read(search, name, value, context)
        if found is None:
            ignored.append(_unknown(name, context, "error" if strict else "warning"))
        else:
            search = found._replace(used=(*found.used, (name, value)))
    if strict and ignored:
        raise Rejected(400, *ignored)
    return search._replace(ignored=tuple(ignored))


def read_condition(pairs: Pairs, context: Context) -> Find:
    """What a conditional interaction looks for. Raises `Rejected`: 412 for a parameter that is not
    known, because then nobody can say that nothing matches; 400 when nothing is asked for."""
    try:
        search = parse_search(pairs, context, strict=True)
    except Rejected as error:
        if all(issue.code == "not-supported" for issue in error.issues):
            raise Rejected(412, *error.issues) from None
        raise
    find = search.find
    if not (find.terms or find.ids or find.spans):
        raise Rejected(400, Issue("required", "a condition must name what it looks for"))
    return replace(find, limit=2)


def _read(search: Search, name: str, value: str, context: Context) -> Search | None:
    """The search with one parameter more; None when that is not known."""
    if reader := _CONTROLS.get(name):
        return reader(search, value)
    plain, _, modifier = name.partition(":")
    if plain == "_id" and not modifier:
        return search._replace(find=_narrow(search.find, _split(value, ",")))
    if plain == "_lastUpdated" and not modifier:
        return search._replace(find=_updated(search.find, value, context.zone))
    param = parameters_of(context.release, context.type).get(plain)
    if param is None:
        return None
    return search._replace(find=_add(search.find, plain, modifier, param, value, context))


def _add(find: Find, name: str, modifier: str, param: Param, value: str, context: Context) -> Find:
    values = _split(value, ",")
    if not value or not all(values):
        raise _bad(name, "needs a value")
    if param.kind == "date":
        if modifier:
            raise _bad(name, "has a modifier that is not supported")
        ranges = [_range(name, one, context.zone) for one in values]
        spans = tuple(Span(path, *found) for path in param.paths for found in ranges)
        return replace(find, spans=(*find.spans, spans))
    read = _token_value if param.kind == "token" else _reference_value
    texts = [read(name, modifier, one, param, context.base) for one in values]
    digests = tuple(
        digest
        for path in param.paths
        for text in texts
        for digest in term(context.key, context.release, context.type, path, text)
    )
    return replace(find, terms=(*find.terms, digests))


def _token_value(name: str, modifier: str, value: str, param: Param, _base: str) -> str:
    if modifier:
        raise _bad(name, "has a modifier that is not supported")
    parts = _split(value, "|")
    if len(parts) > 2 or not any(parts):
        raise _bad(name, "must be a value or system|value")
    if param.paths == ("status",):  # of a code the system goes without saying
        return parts[-1]
    return "|".join(parts)


def _reference_value(name: str, modifier: str, value: str, param: Param, base: str) -> str:
    if modifier == "identifier":
        return f":identifier\x1f{_token_value(name, '', value, param, base)}"
    text = value.removeprefix(f"{base}/").replace("\\,", ",")
    if not modifier:
        bare = "/" not in text and ":" not in text
        if not param.target:
            return text
        if not bare and text.rpartition("/")[0].rpartition("/")[2] != param.target:
            raise _bad(name, f"must refer to a {param.target}")
        return f"{param.target}/{text}" if bare else text
    if not re.fullmatch("[A-Z][A-Za-z]+", modifier) or "/" in text:
        raise _bad(name, "has a modifier that is not supported")
    return f"{modifier}/{text}"


def _range(name: str, value: str, zone: tzinfo) -> tuple[float, float]:
    """What a date with its prefix overlaps (search.html, prefix)."""
    found = _PREFIXED.fullmatch(value)
    span = bounds(found[2].replace(" ", "+"), zone) if found else None
    if found is None or span is None:
        raise _bad(name, "must be a date, with or without a prefix")
    prefix = found[1] or "eq"
    if prefix not in ("eq", "gt", "lt", "ge", "le"):
        raise _bad(name, "has a prefix that is not supported")
    low = {"gt": span[1] + 1e-6, "lt": -_FOREVER, "le": -_FOREVER}.get(prefix, span[0])
    high = {"lt": span[0] - 1e-6, "gt": _FOREVER, "ge": _FOREVER}.get(prefix, span[1])
    return low, high


def _updated(find: Find, value: str, zone: tzinfo) -> Find:
    low, high = _range("_lastUpdated", value, zone)
    since = max(find.since, low) if low > 0 else find.since
    until = min(find.until or _FOREVER, high)
    return replace(find, since=since, until=until if until < _FOREVER else 0.0)


def _narrow(find: Find, ids: Iterable[str]) -> Find:
    wanted = tuple(dict.fromkeys(one for one in ids if is_id(one)))
    if find.ids:
        wanted = tuple(one for one in find.ids if one in wanted)
    return replace(find, ids=wanted or _NOWHERE)


def _count(search: Search, value: str) -> Search:
    if not value.isascii() or not value.isdigit():
        raise _bad("_count", "must be a number")
    if int(value[:9]) == 0:
        return search._replace(count_only=True)
    return search._replace(find=replace(search.find, limit=min(int(value[:9]), MOST)))


def _summary(search: Search, value: str) -> Search | None:
    if value == "count":
        return search._replace(count_only=True)
    return search if value == "false" else None


def _total(search: Search, value: str) -> Search:
    if value not in ("none", "estimate", "accurate"):
        raise _bad("_total", "must be none, estimate or accurate")
    return search._replace(total=value != "none")


_CONTROLS: Final[dict[str, Callable[[Search, str], Search | None]]] = {
    "_count": _count,
    "_summary": _summary,
    "_total": _total,
}


def _split(text: str, separator: str) -> list[str]:
    """Parts of a value, with `\\` before what is no separator (search.html, escaping)."""
    parts, start, at = [], 0, 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == separator:
            parts.append(text[start:at])
            start = at + 1
        at += 1
    parts.append(text[start:])
    return parts if separator == "," else [re.sub(r"\\([,|$\\])", r"\1", part) for part in parts]


def _bad(name: str, what: str) -> Rejected:
    return Rejected(400, Issue("value", f"a search parameter {what}", expression=f"http.{name}"))


def _unknown(name: str, context: Context, severity: Any) -> Issue:
    """Only names of the standard are repeated: what somebody made up may hold anything."""
    plain = name.partition(":")[0]
    said = plain if plain in _STANDARD else ""
    return Issue(
        "not-supported", f"a search parameter that {context.type} does not have here",
        f"http.{said}" if said else "", severity,
    )  # fmt: skip
