"""What compiling may know of its channel: readers by the policy, tables, values, functions, its zone."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import UTC, date, tzinfo
from typing import NamedTuple, Protocol

from engine.errors import Misconfigured
from engine.hl7.reading import DELETE
from engine.hl7.times import zone_of
from engine.privacy.fhir_readers import FhirReaders
from engine.privacy.readers import Place, Reader, Readers
from engine.privacy.redaction import Dates, Redaction, Sender
from engine.privacy.rules import Forbidden, Rule, Use
from engine.transforms.expression import Call, Flaw, PathText
from engine.transforms.function import Function
from engine.transforms.misspelt import path_meant
from engine.transforms.scope import Scope, Value, remembered
from engine.transforms.values import Values

__all__ = ["Field", "Read", "Setting", "Stage", "Table", "Worked"]


class Table(Protocol):
    """A CSV table of the channel: rows of text by the first column (`engine.config.tables`)."""

    @property
    def columns(self) -> tuple[str, ...]: ...
    def keys(self) -> Iterable[str]: ...
    def rows(self, key: str) -> Sequence[Mapping[str, str]]: ...
    def repeated(self) -> Iterable[tuple[str, int]]: ...
    @property
    def dated(self) -> bool: ...
    def spans(self, key: str) -> Sequence[tuple[date, date]]: ...


class Field:
    """A path, compiled: its value, how an error names it, the domain of its token (empty: no token), the
    segments that it looks into, and whether the message says `""` there."""

    __slots__ = ("deleted", "domain", "path", "segments", "value")

    def __init__(
        self,
        path: Place,
        domain: str,
        value: Value,
        segments: frozenset[str],
        deleted: Callable[[Scope], bool],
    ) -> None:
        self.path, self.domain, self.value = path, domain, value
        self.segments, self.deleted = segments, deleted


class Read(NamedTuple):
    """A path that was compiled: what for, the rule that lets it be read, where in its text it stands, the
    field of an effect that it goes into, and the verbs that it is sent through."""

    path: str
    use: Use
    rule: Rule
    offset: int
    part: str = ""
    through: tuple[str, ...] = ()


class Stage(NamedTuple):
    """A part of an expression as it is `said`, and what it gives: an alternative, or a verb after what stands
    before it. `asked` are the alternatives of each other expression that a verb reads."""

    said: str
    value: Value
    asked: tuple[tuple[Value, ...], ...] = ()


class Worked(NamedTuple):
    """An expression that was compiled, as it is worked out: the `fields` that it reads, its alternatives and
    then its verbs, in their order; `part` as in `Read`."""

    part: str
    fields: tuple[Field, ...]
    alternatives: tuple[Stage, ...]
    verbs: tuple[Stage, ...]


class Setting:
    """One channel's. Compiled values that are the same are shared: each has one slot (`Scope`).

    `valid_on` says of dated tables which expression gives the day that counts. `reads` are the paths and
    `worked` the expressions compiled so far (whoever wants to know takes them out), `part` is the field of an
    effect that is being compiled."""

    def __init__(
        self,
        readers: Readers | FhirReaders,
        tables: Mapping[str, Table] | None = None,
        zone: tzinfo = UTC,
        values: Values | None = None,
        valid_on: Mapping[str, str] | None = None,
        functions: Mapping[str, Function] | None = None,
    ) -> None:
        self.tables = tables or {}
        self.functions = functions or {}
        self.valid_on = valid_on or {}
        self.values = values or Values()
        self.zone = zone
        self.fhir = isinstance(readers, FhirReaders)
        self.reads: list[Read] = []
        self.worked: list[Worked] = []
        self.part = ""
        self._readers = readers
        self._shared: dict[Hashable, Value] = {}
        self._read_by: dict[Hashable, list[Read]] = {}

    @property
    def slots(self) -> int:
        """How many slots a scope of this channel needs."""
        return len(self._shared)

    def field(self, path: PathText, use: Use) -> Field:
        """The field at `path`: trimmed text, or a token; `None` for blanks and for `""`, which says
        "delete" to a database (of patients, of items) and nothing to stock and charges.

        Raises `Flaw` for what is no path, and for what the policy does not let be read for this use."""
        reader = self._reader(path, use)
        value = self.once(path.text, reader.segments, reader.populated)
        domain = reader.rule.domain if reader.rule.treatment == "token" else ""

        def deleted(scope: Scope) -> bool:
            return reader.read(scope.view, scope.book) is DELETE

        return Field(reader.at, domain, value, reader.segments, deleted)

    def time_field(self, path: PathText) -> Field:
        """The field, by whichever use the policy lets a time be read for. Raises `Flaw` likewise."""
        try:
            return self.field(path, "date")
        except Flaw:
            return self.field(path, "test")

    def value(self, path: PathText, use: Use) -> Value:
        """What `field` gives, for what is itself remembered: it has no slot. Raises `Flaw` likewise."""
        return self._reader(path, use).populated()

    def _reader(self, path: PathText, use: Use) -> Reader:
        try:
            reader = self._readers.reader(path.text, use)
        except Forbidden as error:
            better = "" if self.fhir or error.rule.treatment != "deny" else path_meant(path.text)
            raise Flaw(error.said, path.offset, better or error.advice) from None
        except Misconfigured as error:
            better = "" if self.fhir else path_meant(path.text)
            raise Flaw(error.text, path.offset, better or error.hint) from None
        self.reads.append(Read(path.text, use, reader.rule, path.offset, self.part))
        return reader

    def sent_through(self, first: int, verbs: Iterable[Call]) -> None:
        """The reads from the `first` on go through these verbs."""
        words = tuple(map(str, verbs))
        self.reads[first:] = [read._replace(through=read.through or words) for read in self.reads[first:]]

    def token_among(self, first: int) -> str:
        """Which of the reads from the `first` on is a token, and by which row."""
        read = next(read for read in self.reads[first:] if read.rule.treatment == "token")
        return Forbidden(read.path, read.use, read.rule, "").said

    def zone_of(self, offset: int) -> Callable[[Scope], tzinfo]:
        """The zone of a message's times without an offset: that of MSH-7, else the channel's."""
        zone = self.zone
        if self.fhir:
            return lambda _: zone
        sent_at = self.field(PathText("MSH-7", offset), "test").value
        return lambda scope: zone_of(sent_at(scope) or "", zone)

    def redaction(self, segments: Sequence[str], dates: Dates, sender: Sender) -> Redaction:
        """What makes a message of these segments fit to be passed on. Raises `Flaw`: no FHIR resource is."""
        if isinstance(self._readers, FhirReaders):
            raise Flaw("only HL7 v2 messages are passed on", 0)
        return Redaction(self._readers, segments, dates=dates, sender=sender)

    def once(self, key: Hashable, segments: frozenset[str], make: Callable[[], Value]) -> Value:
        """The value that `make` makes, the same for the same `key`, in a slot of its own.

        It reads these `segments`."""
        known = self._shared.get(key)
        if known is None:
            first = len(self.reads)
            made = make()  # before its slot is counted: it may take slots itself
            known = self._shared[key] = remembered(made, len(self._shared), segments)
            self._read_by[key] = self.reads[first:]
        else:
            self.reads += (read._replace(part=self.part) for read in self._read_by[key])
        return known
