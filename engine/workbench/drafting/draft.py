"""A channel drafted from samples: its file, its tables, its first cases, all of which hold together."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from engine.config.cases.running import CaseResult, run_cases
from engine.config.finding import Finding
from engine.config.loading import LoadedChannel, examine, lint_files
from engine.config.reading import read_yaml
from engine.config.spec import ChannelSpec
from engine.config.tables import Table, parse_table
from engine.config.validation import validate
from engine.errors import Misconfigured
from engine.workbench.drafting.cases import Outcome, written
from engine.workbench.drafting.families import Column, TableDraft, known_rows
from engine.workbench.drafting.pruning import Pruned, prune
from engine.workbench.drafting.questions import MESSAGE, Answers, Question
from engine.workbench.drafting.sender import Sender, Wanted
from engine.workbench.drafting.writing import csv_text, flow, line, scalar

__all__ = ["Draft", "draft"]

Row = dict[str, str]
_KIT = re.compile(r"(?P<quantity>[0-9]+(?:\.[0-9]+)?)\s+(?P<item>[^\s,]+)(?:\s+(?P<unit>[^,]+))?")


class Draft(NamedTuple):
    """`files` by their path below the folder of channels; what each sample comes to; what a person should
    know; what is still wrong (nothing, or the draft is not to be used); how many cases there are."""

    family: str
    files: dict[str, str]
    came: list[tuple[str, Outcome]]
    said: list[str]
    findings: list[Finding]
    failed: list[CaseResult]
    cases: int


def draft(sender: Sender, wanted: Wanted, answers: Answers) -> Draft:
    """A channel for messages like those of a sender. Raises `Misconfigured` where none can be drafted."""
    return _Drafting(sender, wanted, answers).done()


class _Drafting:
    def __init__(self, sender: Sender, wanted: Wanted, answers: Answers) -> None:
        self._sender, self._wanted, self._answers = sender, wanted, answers
        self._family = sender.family
        self.said = list(sender.said)
        self._cells: dict[str, list[Row]] = {}
        self._files: dict[str, str] = {}

    def done(self) -> Draft:
        blueprint = self._assumed(self._family.blueprint)
        pruned = self._pruned(blueprint)
        while (table := next((one for one in pruned.tables if one not in self._cells), None)) is not None:
            self._table(table, pruned)
            pruned = self._pruned(blueprint)
        self._gaps(pruned)
        tables = {self._file(name): self._table_file(name, pruned) for name in pruned.tables}
        channel = {f"{self._wanted.name}.yaml": self._channel(pruned)}
        self._files = {**channel, **tables, **self._sender.files(self._wanted, self._answers)}
        return self._proved()

    def _pruned(self, blueprint: str) -> Pruned:
        cells = None if self._answers.everything else self._cells
        pruned = prune(blueprint, self._sender.facts(cells))
        if not re.search(r"(?m)^effects:", pruned.text):
            text = f"{self._sender.kinds}: nothing in these messages moves stock or is billed"
            raise Misconfigured(text, hint="are there other samples?")
        return pruned

    # Questions

    def _assumed(self, blueprint: str) -> str:
        """What an empty quantity means, where no sample has one."""
        gaps = [gap for gap in prune(blueprint, self._sender.facts(None)).gaps if gap.field == "quantity"]
        for path in dict.fromkeys(gap.expression.split(" |")[0] for gap in gaps):
            about = f"no sample has a quantity ({path}): what an empty one means (empty: it is refused)"
            meant = self._answers.to(Question(MESSAGE, path, "means", about, ""))
            if meant:
                blueprint = re.sub(
                    rf"(?<![\w-]){path} \| (?=number)", f"{path} | default({meant}) | ", blueprint
                )
        return blueprint

    def _table(self, name: str, pruned: Pruned) -> None:
        table = self._family.tables[name]
        if not table.columns:
            self._cells[name] = []
            return
        spec = self._spec(pruned)
        asked = self._sender.codes(spec, name, self._known())
        if asked.withheld:
            why = "hold what identifies somebody elsewhere in their message, and are left out"
            self.said.append(f"{name}: codes ({asked.withheld}) {why}")
        self._cells[name] = [
            row for code, seen in asked.columns.items() for row in self._rows(name, table, code, seen)
        ]

    def _table_file(self, name: str, pruned: Pruned) -> str:
        """A table with the columns that the channel uses."""
        table = self._family.tables[name]
        if not table.columns:
            return known_rows(name)
        used = set(re.findall(rf"\b(?:lookup|find)\({name}, ([a-z_]+)", pruned.text))
        columns = (
            ("item", "quantity", "unit") if table.kit else [c.name for c in table.columns if c.name in used]
        )
        return csv_text(table.comment, [table.key, *columns], self._cells[name])

    def _rows(self, name: str, table: TableDraft, code: str, seen: Sequence[str]) -> list[Row]:
        """The rows of one code; none where an answer says that it is not listed."""
        row: Row = {table.key: code}
        for column in table.columns:
            if column.name not in seen and not table.kit:
                continue
            if column.only and not self._answers.everything and row.get(column.only[0]) != column.only[1]:
                continue
            row[column.name] = self._cell(name, code, column)
            if column.needed and not row[column.name]:
                return []
        return _kit(row, table) if table.kit else [row]

    def _cell(self, name: str, code: str, column: Column) -> str:
        suggestion = self._answers.known(code, column.name) or column.suggest(code)
        return self._answers.to(Question(name, code, column.name, column.about, suggestion, column.choices))

    def _gaps(self, pruned: Pruned) -> None:
        for gap in dict.fromkeys(pruned.gaps):
            self.said.append(
                f"{gap.rule}: no sample has {gap.field} ({gap.expression}): a message without it is refused"
            )

    # Files

    def _file(self, table: str) -> str:
        return f"tables/{self._wanted.name}-{table}.csv"

    def _spec(self, pruned: Pruned) -> ChannelSpec:
        reading = read_yaml(self._channel(pruned).encode(), "draft")
        assert reading.data is not None  # noqa: S101 - blueprints are ours
        spec, problems = validate(ChannelSpec, reading.data)
        if spec is None:
            said = (f"{'.'.join(map(str, one.place))}: {one.text}" for one in problems)
            raise Misconfigured("\n".join(said), hint="what was said of the channel is not possible")
        return spec

    def _known(self) -> dict[str, Table]:
        """The tables that need no answers: what their conditions say is known."""
        fixed = (name for name in self._cells if not self._family.tables[name].columns)
        found = ((name, parse_table(known_rows(name), name)[0]) for name in fixed)
        return {name: table for name, table in found if table is not None}

    def _channel(self, pruned: Pruned) -> str:
        wanted, tables = self._wanted, self._family.tables
        head = [
            "# yaml-language-server: $schema=./channel.schema.json",
            f"# Drafted by `wardline new` from {self._sender.shown}. It is yours now: change what you like.",
            f"channel: {wanted.name}",
            f"description: {line(wanted.description or self._family.description)}",
            f"owner: {flow({'business': wanted.business, 'technical': wanted.technical})}",
            *([f"criticality: {self._family.criticality}"] if self._family.criticality != "normal" else []),
            "",
            "source:",
            *self._sender.source(wanted, self._answers),
            "",
            *([f"authority: {scalar(wanted.authority)}", ""] if wanted.authority else []),
        ]
        listed = [f"  {name}: {self._file(name)}" for name in pruned.tables]
        width = max(map(len, listed), default=0) + 2
        comments = [tables[name].comment or "by the standard" for name in pruned.tables]
        body = [f"{table.ljust(width)}# {one}" for table, one in zip(listed, comments, strict=True)]
        odoo = f"  - odoo: {{connection: {wanted.connection}}}".ljust(40)
        tail = ["", "destinations:", f"{odoo}  # its address and key live in the environment"]
        if self._sender.system:
            tail += ["", "about:".ljust(42) + "# for `wardline catalogue`"]
            tail.append(f"  sender: {flow({'system': self._sender.system})}")
        return (
            "\n".join([*head, *(["tables:", *body, ""] if body else []), pruned.text.rstrip(), *tail]) + "\n"
        )

    # Proof

    def _proved(self) -> Draft:
        """With its cases, linted and tested in a folder of its own."""
        name = self._wanted.name
        with TemporaryDirectory(prefix="wardline-new-") as folder:
            _write(Path(folder), self._files)
            path = Path(folder) / f"{name}.yaml"
            channel = _loaded(path)
            cases, came, lost = self._sender.cases(channel)
            self.said += lost
            if not cases:
                raise Misconfigured("no case can be made of these samples", hint="; ".join(self.said))
            self._files[f"{name}.test.yaml"] = written(name, cases, f"Made of {self._sender.shown}.")
            _write(Path(folder), {f"{name}.test.yaml": self._files[f"{name}.test.yaml"]})
            findings = lint_files([path])
            failed = [one for one in run_cases(channel) if not one.passed]
        if not any(one.state == "effects" for _, one in came):
            self.said.append("no sample comes to an effect: see why before this channel meets a hospital")
        return Draft(self._family.name, self._files, came, self.said, findings, failed, len(cases))


def _loaded(path: Path) -> LoadedChannel:
    """The channel. Raises `Misconfigured` in the words of the files to be, not of those of the draft."""
    try:
        return examine(path).loaded()
    except Misconfigured as error:
        text = error.text.replace(f"{path.parent}/", "")
        raise Misconfigured(text, hint="what was said of the channel is not possible") from None


def _kit(row: Row, table: TableDraft) -> list[Row]:
    """`4 GLV-M, 2 GWN-L`: one row per item."""
    rows: list[Row] = []
    for part in filter(None, map(str.strip, row["items"].split(","))):
        found = _KIT.fullmatch(part)
        if found is None:
            raise Misconfigured(
                f"{table.key} {row[table.key]}: not a list of items", hint="write it like 4 GLV-M, 2 GWN-L"
            )
        item = {name: value or "" for name, value in found.groupdict().items()}
        rows.append({table.key: row[table.key], **item})
    return rows


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
