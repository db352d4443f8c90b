"""A sender of FHIR, as its sample resources show it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.config.cases.fhir_overriding import override_resource
from engine.config.cases.fhir_rehearsal import ResourceTrial
from engine.config.cases.rehearsed import Rehearsal
from engine.config.loading import LoadedChannel
from engine.config.spec import ChannelSpec
from engine.config.tables import Table
from engine.fhir import json_text
from engine.fhir.document import Resource
from engine.fhir.stored import Stored, pack
from engine.privacy.authorities import Authorities
from engine.privacy.fhir_harvest import fhir_harvest
from engine.privacy.fhir_policy import FhirPolicy
from engine.privacy.fhir_readers import FhirReaders
from engine.resources import ResourceKey
from engine.workbench.drafting.cases import MOST, Outcome, Shown, outcome
from engine.workbench.drafting.codes import Asked, codes_of
from engine.workbench.drafting.facts import Cells
from engine.workbench.drafting.families import RESOURCES, Derived, family_of
from engine.workbench.drafting.made_up_resources import ResourceSynthesizer
from engine.workbench.drafting.questions import MESSAGE, Answers, Question
from engine.workbench.drafting.resources import ResourceFacts, ResourceSample
from engine.workbench.drafting.sender import Cases, Wanted

__all__ = ["FhirSender"]

_VERBS = "[create, read, update, search]"


class FhirSender:
    """A sender of resources. Raises `Misconfigured` where no channel is about such resources."""

    def __init__(self, samples: Sequence[ResourceSample]) -> None:
        types = [one.type for one in samples]
        self.family = family_of(types, ResourceFacts(samples, []).has, RESOURCES)
        self.said: list[str] = []
        taken = (*self.family.types, *self.family.context)
        others = sorted(set(types) - set(taken))
        if others:
            self.said.append(f"{', '.join(others)}: other resources, for a channel of their own")
        self._samples = [one for one in samples if one.type in taken]
        self._releases = list(dict.fromkeys(one.release for one in self._samples))
        self._types = list(dict.fromkeys(one.type for one in self._samples))
        self.kinds, self.system = ", ".join(self._types), ""
        number = len(self._samples)
        self.shown = (
            f"{number} resource{'s' if number > 1 else ''} ({self.kinds}; {', '.join(self._releases)})"
        )

    def facts(self, cells: Cells | None) -> ResourceFacts:
        """As `Sender.facts`."""
        return ResourceFacts(self._samples, self._types, cells)

    def codes(self, spec: ChannelSpec, table: str, known: Mapping[str, Table]) -> Asked:
        """As `Sender.codes`."""
        source = spec.source.fhir
        assert source is not None  # noqa: S101 - written by `source`
        readers = FhirReaders(
            FhirPolicy(), Authorities(), spec.systems, types=source.resources, releases=source.releases
        )
        views = [(one, fhir_harvest(one)) for one in self._resources()]
        return codes_of(spec, table, known, views, readers)

    def _resources(self) -> list[Resource]:
        """The samples, each with the others at hand."""
        made = {
            ResourceKey(one.release, one.type, str(one.body.get("id", ""))): Resource.of(
                ResourceKey(one.release, one.type, str(one.body.get("id", ""))), 1, json_text.dump(one.body)
            )
            for one in self._samples
        }
        for resource in made.values():
            resource.links = made
        return [one for one in made.values() if one.type in self.family.types]

    def source(self, wanted: Wanted, answers: Answers) -> list[str]:  # noqa: ARG002 - as `Sender.source`
        """As `Sender.source`."""
        lines = ["  fhir:", f"    listen: tcp:{wanted.port}", f"    releases: [{', '.join(self._releases)}]"]
        lines += ["    resources:", *(f"      {type_}: {_VERBS}" for type_ in self._types)]
        lines.append(f"    clients: {_clients(wanted)}")
        return [*lines, f"    timezone: {wanted.timezone}"] if wanted.timezone != "UTC" else lines

    def files(self, wanted: Wanted, answers: Answers) -> dict[str, str]:
        """The clients that may use the door: one, with public keys of its own."""
        scopes = ", ".join(f"system/{type_}.crus" for type_ in self._types)
        about = "where its public keys are: an https URL, or a JWK Set in a file beside the list of clients"
        suggestion = f"https://{wanted.name}.example/jwks.json"
        keys = answers.to(Question(MESSAGE, "client", "jwks", about, suggestion))
        text = f"""\
# Who may use {wanted.name}, and what proves that it is them (docs/manual/access.md).
clients:
  - id: {wanted.name}
    name: The sender that {wanted.name} was drafted for
    scopes: [{scopes}]
    jwks: {keys}
"""
        return {_clients(wanted): text}

    def cases(self, channel: LoadedChannel) -> Cases:
        """As `Sender.cases`."""
        synthesizer = ResourceSynthesizer(self._samples)
        made = {one.name: synthesizer.of(one) for one in self._samples}
        links = [(_named(one), one) for one in made.values()]
        cases: list[Shown] = []
        came: list[tuple[str, Outcome]] = []
        lost: list[str] = []
        for sample in self._samples:
            if sample.type not in self.family.types:
                continue
            got = self._said(channel, sample.release, sample.body, [one.body for one in self._samples])
            came.append((sample.name, outcome(got)))
            body = made[sample.name]
            body = self._mended(channel, sample.release, body)
            there = [(name, one) for name, one in links if one is not body and _mentions(body, one)]
            again = self._said(channel, sample.release, body, [one for _, one in there])
            if outcome(again) != outcome(got):
                lost.append(f"{sample.name}: with a made-up identity it comes to something else")
            elif len(cases) < MOST:
                cases.append(self._shown(sample, body, there, again, [case.name for case in cases]))
        for one in self.family.derived:
            cases += self._derived(channel, one, cases)
        return Cases(cases, came, lost)

    def _shown(
        self,
        sample: ResourceSample,
        body: dict[str, Any],
        there: list[tuple[str, dict[str, Any]]],
        got: Rehearsal,
        names: list[str],
    ) -> Shown:
        name = f"{sample.type} as it was sampled: {outcome(got).words}"
        name = name if name not in names else f"{name} ({len(names) + 1})"
        return Shown(
            name, _named(body), _text(body), {}, (), got, (),
            links=tuple((named, _text(one)) for named, one in there),
            release=sample.release if sample.release != self._releases[0] else "",
        )  # fmt: skip

    def _derived(self, channel: LoadedChannel, one: Derived, cases: Sequence[Shown]) -> Iterator[Shown]:
        """The case that follows from the first sample of which it does."""
        for case in [case for case in cases if case.text and case.got.state == "effects"]:
            body = json.loads(case.text)
            if not next(iter(one.changes)).startswith(f"{body['resourceType']}."):
                continue
            trial = ResourceTrial(channel)
            release: Any = case.release or self._releases[0]
            for _, text in case.links:
                trial.know(_packed(release, json.loads(text)))
            if one.after:
                trial.say(_packed(release, body))
            changed = json.loads(case.text)
            for path, value in one.changes.items():
                override_resource(changed, path, value, release)
            got = trial.say(_packed(release, changed))
            kinds = {word for effect in got.effects for word in effect}
            if one.wanted in kinds or got.state == one.wanted:
                before = [case.message] if one.after else []
                yield case._replace(name=one.name, text="", changes=one.changes, after=before, got=got)
                return

    def _mended(self, channel: LoadedChannel, release: str, body: dict[str, Any]) -> dict[str, Any]:
        """Without elements of which too little is left to be taken."""
        for _ in range(len(body)):
            got = ResourceTrial(channel).know(_packed(release, body))
            element = got.reason.place.partition(".")[2] if got and got.reason else ""
            name = element.partition(".")[0].partition("[")[0]
            if name not in body:
                break
            body = {key: part for key, part in body.items() if key != name}
        return body

    def _said(
        self, channel: LoadedChannel, release: str, body: dict[str, Any], there: list[dict[str, Any]]
    ) -> Rehearsal:
        trial = ResourceTrial(channel)
        for one in there:
            if one is not body:
                trial.know(_packed(release, one))
        return trial.say(_packed(release, body))


def _packed(release: Any, body: dict[str, Any]) -> bytes:
    type_, id_ = str(body["resourceType"]), str(body.get("id", "case"))
    return pack(Stored(release, type_, id_, 1, False, json_text.dump(body)))


def _mentions(body: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether a resource refers to another."""
    return f'"{other["resourceType"]}/{other["id"]}"' in json_text.dump(body).decode()


def _named(body: dict[str, Any]) -> str:
    return str(body["id"])


def _text(body: dict[str, Any]) -> str:
    return json.dumps(json.loads(json_text.dump(body)), indent=2, ensure_ascii=False)


def _clients(wanted: Wanted) -> str:
    return f"fhir/{wanted.name}-clients.yaml"
