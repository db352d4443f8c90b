"""A sender, as its samples show it: of which kind it is, which codes it uses, what its channel needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import NamedTuple, Protocol

from engine.config.build import reads_of
from engine.config.loading import LoadedChannel
from engine.config.spec import ChannelSpec
from engine.config.tables import Table
from engine.hl7.document import Document
from engine.hl7.path import Path
from engine.privacy.authorities import Authorities
from engine.privacy.harvest import Harvester
from engine.privacy.matching import Identities
from engine.privacy.policy import Policy
from engine.privacy.readers import Readers
from engine.workbench.drafting.cases import Outcome, Shown, cases_of
from engine.workbench.drafting.codes import Asked, codes_of
from engine.workbench.drafting.facts import Cells, Facts
from engine.workbench.drafting.families import FAMILIES, Family, family_of
from engine.workbench.drafting.questions import MESSAGE, Answers, Question
from engine.workbench.drafting.samples import Sample, kind_of
from engine.workbench.drafting.writing import scalar

__all__ = ["Cases", "Sender", "V2Sender", "Wanted"]


class Wanted(NamedTuple):
    """What a person says of a new channel."""

    name: str
    business: str
    technical: str
    port: int
    connection: str
    timezone: str = "UTC"
    charset: str = ""
    description: str = ""
    authority: str = ""


class Cases(NamedTuple):
    """First cases, what each sample comes to, and samples of which there is none."""

    cases: list[Shown]
    came: list[tuple[str, Outcome]]
    lost: list[str]


class Sender(Protocol):
    """`kinds` are the types of its messages, `shown` says how many of which there are, `said` what a person
    should know of them; `system` is what it calls itself, or empty."""

    family: Family
    kinds: str
    system: str
    shown: str
    said: list[str]

    def facts(self, cells: Cells | None) -> Facts:
        """What its samples have, beside tables with these cells."""
        ...

    def codes(self, spec: ChannelSpec, table: str, known: Mapping[str, Table]) -> Asked:
        """What the channel's rules would look up in a table."""
        ...

    def source(self, wanted: Wanted, answers: Answers) -> list[str]:
        """The lines of `source:`."""
        ...

    def files(self, wanted: Wanted, answers: Answers) -> dict[str, str]:
        """What its channel needs beside tables and cases."""
        ...

    def cases(self, channel: LoadedChannel) -> Cases:
        """Its samples as cases."""
        ...


class V2Sender:
    """A sender of HL7 v2. Raises `Misconfigured` where no channel is about such messages."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        everything = Facts([sample.document for sample in samples], [])
        self.family = family_of(_by_number(samples), everything.has)
        self.said: list[str] = []
        self._samples = [one for one in samples if one.document.header.type in self.family.types]
        others = sorted({kind_of(one.document) for one in samples if one not in self._samples})
        if others:
            self.said.append(f"{', '.join(others)}: another kind of messages, for a channel of their own")
        self._documents = [one.document for one in self._samples]
        self._types = _types(self.family, self._documents)
        self.kinds = ", ".join(sorted({kind_of(one) for one in self._documents}))
        self.shown = self._counted()
        self.system = self._calls_itself()

    def _calls_itself(self) -> str:
        """MSH-3, where it is one, and nobody's name."""
        names = {str(one.value(Path.parse("MSH-3")) or "") for one in self._documents}
        harvester = Harvester(Policy())
        persons = any(Identities(harvester.of(one)).row_in(name) for one in self._documents for name in names)
        return "" if persons or len(names) > 1 else next(iter(names), "")

    def facts(self, cells: Cells | None) -> Facts:
        """As `Sender.facts`."""
        return Facts(self._documents, self._types, cells)

    def codes(self, spec: ChannelSpec, table: str, known: Mapping[str, Table]) -> Asked:
        """As `Sender.codes`."""
        harvester = Harvester(Policy())
        views = [(document, harvester.of(document)) for document in self._documents]
        return codes_of(spec, table, known, views, Readers(Policy(), Authorities()))

    def files(self, wanted: Wanted, answers: Answers) -> dict[str, str]:  # noqa: ARG002 - as `Sender.files`
        """As `Sender.files`."""
        return {}

    def cases(self, channel: LoadedChannel) -> Cases:
        """As `Sender.cases`."""
        read = {one.read.path[:3] for one in reads_of(channel.spec, channel.tables, channel.functions)}
        return Cases(*cases_of(channel, self.family, self._samples, read))

    def source(self, wanted: Wanted, answers: Answers) -> list[str]:
        """As `Sender.source`: what samples need beside the usual."""
        types = f"    message_types: [{', '.join(self._types)}]"
        listed = wrap(f"[{', '.join(self._types)}]", 100, break_on_hyphens=False)
        wrapped = [f"      {one}" for one in listed]
        lines = [types] if len(types) <= 110 else ["    message_types:", *wrapped]
        return ["  mllp:", f"    listen: tcp:{wanted.port}", *lines, *self._settings(wanted, answers)]

    def _settings(self, wanted: Wanted, answers: Answers) -> Iterator[str]:
        processing = {one.header.field(11).decode("ascii", "replace")[:1] for one in self._documents} - {""}
        if processing - {"P"} and processing <= {"P", "T", "D"}:
            yield f"    processing_ids: [{', '.join(sorted(processing | {'P'}))}]   # as in the samples"
        if self._unanswered(answers):
            yield "    ack_mode: original                  # samples ask for no answer; they get one"
        if any(not one.header.field(10) for one in self._documents):
            yield "    control_id: optional                # samples come without one"
        if wanted.timezone != "UTC":
            yield f"    timezone: {wanted.timezone}"
        if wanted.charset:
            yield f"    charset: {scalar(wanted.charset)}"

    def _unanswered(self, answers: Answers) -> bool:
        """Whether messages that ask for no answer at all are to be answered all the same."""
        if any(_ne(one) != (b"NE", b"NE") for one in self._documents):
            return False
        about = "samples ask for no answer (MSH-15, MSH-16), so nobody misses what is lost: answer anyway"
        return answers.to(Question(MESSAGE, "MSH-15", "answer", about, "yes", ("yes", "no"))) == "yes"

    def _counted(self) -> str:
        versions = sorted({one.header.version for one in self._documents} - {""})
        number = len(self._samples)
        said = f"{number} message{'s' if number > 1 else ''} ({self.kinds}"
        return f"{said}; HL7 {', '.join(versions)})" if versions else f"{said})"


def _ne(document: Document) -> tuple[bytes, bytes]:
    return document.header.field(15), document.header.field(16)


def _by_number(samples: Sequence[Sample]) -> list[str]:
    """The types of the kind that most samples are of."""
    kinds = [one.document.header.type for one in samples]
    most = max(dict.fromkeys(kinds), key=kinds.count, default="")
    together = next((one.types for one in FAMILIES if most in one.types), (most,))
    return list(
        dict.fromkeys(kind_of(one.document) for one in samples if one.document.header.type in together)
    )


def _types(family: Family, documents: Sequence[Document]) -> list[str]:
    seen = list(dict.fromkeys(kind_of(one) for one in documents))
    events = {kind.partition("^")[2] for kind in seen}
    if events & set(family.lifecycle):
        seen += [f"{family.types[0]}^{event}" for event in family.lifecycle]
    return sorted(dict.fromkeys(seen))
