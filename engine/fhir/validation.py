"""Is a resource what FHIR says it must be? Elements, types, cardinality, formats, required codes, targets of
references, contained resources, unknown modifiers, and the constraints that matter here.

The models of fhir.resources say what there is (`models.shape`); their own validation lets much of this pass,
loses decimals, and quotes values, so the resource is walked here. Findings name the element, never a value.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from engine.fhir import constraints, models, primitives
from engine.fhir.issues import Code, Issue
from engine.fhir.json_text import MAX_DEPTH
from engine.fhir.links import Links, Say
from engine.fhir.models import Element, Shape
from engine.fhir.places import At, path
from engine.fhir.releases import Release

__all__ = ["check", "status_of"]

_MOST: Final = 100  # findings told at once
_UNPROCESSABLE: Final = frozenset(
    {"code-invalid", "invariant", "extension", "business-rule", "not-supported"}
)

_MORE: Final = Issue("informational", "there are more findings", severity="information")


class _Enough(Exception):
    """As many findings as are told."""


def check(
    resource: dict[str, Any],
    release: Release,
    type_: str | None = None,
    *,
    at: str = "",
    conditional: bool = False,
) -> list[Issue]:
    """All that is wrong with a resource, which should be a `type_` if one is given; `at` is what the
    expressions start with when it stands in another one (`Bundle.entry[2].resource`).

    `conditional` lets references such as `Location?identifier=…` pass (transactions, FHIR R4 3.1.0.11.2).
    A Bundle is checked as an envelope, and so are Parameters: each `resource` in them is to be checked
    for itself."""
    findings = _Findings()
    place = at or type_ or ""
    found = resource.get("resourceType")
    if not isinstance(found, str):
        return [Issue("invalid", "resourceType is missing", place)]
    if type_ is not None and found != type_:
        return [Issue("invalid", "resourceType is another than the type in the URL", place)]
    if not models.known(release, found):
        return [Issue("not-supported", f"no type of resource in {release}", place)]
    try:
        walk = _Walk(resource, release, findings.say, conditional=conditional)
        walk.root(resource, models.shape(release, found), at or found)
    except _Enough:
        findings.issues.append(_MORE)
    return findings.issues


def status_of(issues: Iterable[Issue]) -> int:
    """The HTTP status that findings mean: 422 when it is FHIR all the same, 400 when it is not."""
    codes = {issue.code for issue in issues if issue.severity in ("error", "fatal")}
    return 422 if codes <= _UNPROCESSABLE else 400


class _Findings:
    """What was found so far."""

    __slots__ = ("issues",)

    def __init__(self) -> None:
        self.issues: list[Issue] = []

    def say(self, code: Code, text: str, at: At | str) -> None:
        """Raises `_Enough` when no more is told."""
        self.issues.append(Issue(code, text, path(at)))
        if len(self.issues) >= _MOST:
            raise _Enough


class _Walk:
    """One walk through one resource."""

    __slots__ = ("depth", "links", "release", "say")

    def __init__(self, resource: dict[str, Any], release: Release, say: Say, *, conditional: bool) -> None:
        self.release, self.say = release, say
        self.depth = 0  # of objects and arrays
        self.links = Links(resource, release, say, conditional=conditional)

    def root(self, value: dict[str, Any], shape: Shape, at: Any) -> None:
        """A resource that is contained in none."""
        self.object(value, shape, at)
        self.links.unused(value.get("contained"), at)

    def object(self, value: dict[str, Any], shape: Shape, at: Any) -> None:
        self.deeper(at)
        elements = shape.elements
        for number, (name, item) in enumerate(value.items(), 1):
            element = elements.get(name)
            if element is None:
                self.other(value, name, number, shape, at)
            elif element.many:
                self.many(value, item, element, (at, name))
            elif item is None or isinstance(item, list):
                self.say("structure", "must be a single value and not null", (at, name))
            else:
                self.one(item, element, (at, name))
        self.whole(value, shape, at)
        self.depth -= 1

    def deeper(self, at: Any) -> None:
        """What was put together here (a patch) may be nested deeper than what is read."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.say("structure", f"nested deeper than {MAX_DEPTH}", at)
            raise _Enough

    def whole(self, value: dict[str, Any], shape: Shape, at: Any) -> None:
        """What must be there is; what excludes each other is not there together; the type's own rules."""
        for name in shape.required:
            if name not in value and f"_{name}" not in value:
                self.say("required", "is required", (at, name))
        if shape.choices:
            self.choices(value, shape, at)
        if rule := constraints.RULES.get(shape.kind):
            for code, name, text in rule(value):
                self.say(code, text, (at, name) if name else at)

    def choices(self, value: dict[str, Any], shape: Shape, at: Any) -> None:
        """Of each group one type at most, and one at least where it is required."""
        for group, (names, required) in shape.choices.items():
            found = {name.removeprefix("_") for name in value.keys() & names}
            if len(found) > 1:
                self.say("structure", "must be of one type only", (at, group))
            elif required and not found:
                self.say("required", "one of its types is required", (at, group))

    def other(self, value: dict[str, Any], name: str, number: int, shape: Shape, at: Any) -> None:
        """What has no element's name: the type, an extension of a primitive, or nothing of FHIR's."""
        if name == "resourceType" and shape.resource:
            return
        element = shape.elements.get(name[1:]) if name.startswith("_") else None
        if element is not None and element.primitive and not models.bare(shape, element):
            self.companion(value, element, at)
        elif home := models.elsewhere(self.release, shape.kind, name):
            self.say("structure", f"is no element in {self.release}, but in {home}", (at, name))
        else:
            self.say("structure", f"unknown element (number {number} of this object)", at)

    def companion(self, value: dict[str, Any], element: Element, at: Any) -> None:
        """`_name` beside `name`: id and extensions of a primitive value (FHIR R4 2.6.2.3)."""
        item, place = value[f"_{element.name}"], (at, element.name)
        if not element.many:
            self.extras(item, place)
            return
        main = value.get(element.name)
        if not isinstance(item, list) or all(part is None for part in item):
            self.say("structure", "extensions of values must be an array with something in it", place)
            return
        if isinstance(main, list) and len(main) != len(item):
            self.say(
                "structure", "extensions of values must be an array as long as that of the values", place
            )
            return
        for index, part in enumerate(item):
            if part is not None:
                self.extras(part, (place, index))
            elif not isinstance(main, list):
                self.say("structure", "must not be null", (place, index))

    def extras(self, value: Any, at: At) -> None:
        if not isinstance(value, dict) or not value:
            self.say("structure", "must be an object with id or extensions", at)
        else:
            self.object(value, models.shape(self.release, "Element"), at)

    def many(self, around: dict[str, Any], items: Any, element: Element, at: At) -> None:
        if not isinstance(items, list) or not items:
            self.say("structure", "must be an array with something in it", at)
            return
        self.deeper(at)
        for index, item in enumerate(items):
            if item is None:
                extras = around.get(f"_{element.name}") if element.primitive else None
                if not isinstance(extras, list) or index >= len(extras) or extras[index] is None:
                    self.say("structure", "must not be null", (at, index))
            else:
                self.one(item, element, (at, index))
        self.depth -= 1

    def one(self, value: Any, element: Element, at: At) -> None:
        if element.primitive:
            self.primitive(value, element, at)
        elif not isinstance(value, dict):
            self.say("structure", "must be an object", at)
        elif element.kind == "Resource":
            self.resource(value, at)
        elif not value or (len(value) == 1 and "id" in value):
            self.say("structure", "must not be empty", at)
        else:
            if element.name == "modifierExtension":
                self.say("extension", "a modifier extension that is not known", at)
            elif element.kind == "Reference":
                self.links.reference(value, element.targets, at)
            elif element.kind == "CodeableReference" and isinstance(value.get("reference"), dict):
                self.links.target(value["reference"], element.targets, (at, "reference"))
            self.object(value, models.shape(self.release, element.kind), at)

    def primitive(self, value: Any, element: Element, at: At) -> None:
        if wrong := primitives.fault(element.kind, value):
            self.say(*wrong, at)  # type: ignore[arg-type]
        elif element.name == "implicitRules":
            self.say("not-supported", "rules that are not known", at)
        elif element.codes is not None and value not in element.codes:
            self.say("code-invalid", "is no code of the required value set", at)
        elif element.kind in ("uri", "canonical", "url"):
            self.links.pointed(value)

    def resource(self, value: dict[str, Any], at: At) -> None:
        """A resource within another: contained, or an entry of a Bundle, or a parameter."""
        type_ = value.get("resourceType")
        if not isinstance(type_, str):
            self.say("invalid", "resourceType is missing", at)
        elif not models.known(self.release, type_):
            self.say("not-supported", f"no type of resource in {self.release}", at)
        elif at[1] != "resource":
            self.within(value, models.shape(self.release, type_), at)

    def within(self, value: dict[str, Any], shape: Shape, at: At) -> None:
        id_, meta = value.get("id"), value.get("meta")
        if not isinstance(id_, str):
            self.say("invariant", "a contained resource needs an id", (at, "id"))
        if "contained" in value:
            self.say("invariant", "a contained resource contains no other (dom-2)", (at, "contained"))
            return
        for name, rule in (("versionId", 4), ("lastUpdated", 4), ("security", 5)):
            if isinstance(meta, dict) and name in meta:
                self.say("invariant", f"not in a contained resource (dom-{rule})", ((at, "meta"), name))
        self.links.inside = id_ if isinstance(id_, str) else ""
        self.object(value, shape, at)
        self.links.inside = ""
