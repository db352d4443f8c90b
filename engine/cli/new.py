"""`wardline new`: a channel, its tables and its first cases out of a sender's samples."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.show import JsonOption, print_json
from engine.config.loading import channel_files, lint_files
from engine.config.profiles import read_profile
from engine.config.reading import read_yaml
from engine.config.schema import CHANNEL_SCHEMA, published
from engine.errors import Misconfigured
from engine.workbench.drafting.draft import Draft, draft
from engine.workbench.drafting.fhir_sender import FhirSender
from engine.workbench.drafting.profiled import samples_of
from engine.workbench.drafting.questions import Answers, Question, known_cells, read_sheet, written
from engine.workbench.drafting.resources import read_resources
from engine.workbench.drafting.samples import read_samples
from engine.workbench.drafting.sender import Sender, V2Sender, Wanted

__all__ = ["at_terminal", "new"]

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_FIRST_PORT = 2575


def new(
    name: Annotated[
        str, typer.Argument(help="What the channel is called: lower-case letters, digits, hyphens.")
    ],
    samples: Annotated[
        list[Path] | None, typer.Option("--from", help="A file or folder of sample messages; repeatable.")
    ] = None,
    profile: Annotated[
        Path | None, typer.Option(help="A profile that `wardline profile` learned, with or without samples.")
    ] = None,
    into: Annotated[Path, typer.Option(help="The folder of channels.")] = Path("channels"),
    answers: Annotated[
        Path | None, typer.Option(help="A sheet of answers, as --ask writes it: CSV or .xlsx.")
    ] = None,
    ask: Annotated[
        Path | None,
        typer.Option(help="Write the questions as a sheet to be filled in (CSV or .xlsx), and nothing else."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Take the suggestion wherever nothing is said.")] = False,
    business: Annotated[str, typer.Option(help="Who answers for codes and amounts: an address.")] = "",
    technical: Annotated[str, typer.Option(help="Who answers for the interface: an address.")] = "",
    port: Annotated[int, typer.Option(help="Where it listens; 0: the next free one of the folder.")] = 0,
    connection: Annotated[str, typer.Option(help="The connection to Odoo.")] = "hospital-odoo",
    timezone: Annotated[str, typer.Option(help="Of times without an offset: Europe/Berlin.")] = "UTC",
    charset: Annotated[str, typer.Option(help="Of 8-bit text whose MSH-18 is empty.")] = "",
    description: Annotated[str, typer.Option(help="What the channel is for, in a sentence.")] = "",
    authority: Annotated[str, typer.Option(help="Who gave numbers that name no assigning authority.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Write a channel for messages like these samples: its file, tables and first cases, all green.

    What samples cannot say is asked: what each code means, who answers for it. At a terminal the questions
    come one by one; [bold]--ask[/bold] writes them as a sheet, which [bold]--answers[/bold] reads when it is
    filled. Cases are made of the samples with made-up people. Nothing that is there is overwritten. Exit
    code 1 when what was drafted does not hold together.
    """
    if not _NAME.fullmatch(name):
        raise Misconfigured("a channel's name is lower-case letters, digits and hyphens", where=name)
    person = _Person(quiet=yes or ask is not None, terminal=at_terminal() and not as_json)
    sender = _sender(samples or [], profile, charset)
    people = _people(into) if ask is None else dict.fromkeys(("business", "technical"), "not-asked-yet")
    wanted = Wanted(
        name,
        business or person.said("Who answers for codes and amounts?", "--business", people.get("business")),
        technical or person.said("Who answers for the interface?", "--technical", people.get("technical")),
        port or _free_port(into), connection, timezone, charset, description, authority,
    )  # fmt: skip
    given = read_sheet(answers) if answers else {}
    found = Answers(given, person.asked(yes=yes), known_cells(into), everything=ask is not None)
    made = draft(sender, wanted, found)
    if ask is not None:
        _new_file(ask, written(found, ask))
        typer.echo(f"{len(found.asked)} questions: fill in the column answer, then --answers {ask}", err=True)
        return
    if found.unanswered:
        raise Misconfigured(
            _open(found.unanswered), hint="--ask FILE writes a sheet, --yes takes suggestions"
        )
    sound = not made.failed and all(one.severity != "error" for one in made.findings)
    if sound:
        _keep(made.files, into)
    _report(made, [str(into / file) for file in made.files] if sound else [], as_json=as_json)
    if not sound or not _fits(into, name):
        raise typer.Exit(1)


def at_terminal() -> bool:
    """Whether there is somebody who can be asked."""
    return sys.stdin.isatty()


class _Person:
    """Whoever runs the command: asked at a `terminal` unless they want it `quiet`."""

    def __init__(self, *, quiet: bool, terminal: bool) -> None:
        self._asks = terminal and not quiet

    def said(self, text: str, flag: str, suggestion: str | None) -> str:
        """What they say of the channel itself."""
        if self._asks:
            answer: str = typer.prompt(f"{text} (an address)", default=suggestion)
            return answer
        if suggestion:
            return suggestion
        raise Misconfigured(f"{text} (an address)", hint=f"{flag} ADDRESS")

    def asked(self, *, yes: bool) -> Callable[[Question], str] | None:
        """What answers questions about codes."""
        if yes:
            return lambda question: question.suggestion
        return _prompt if self._asks else None


def _sender(samples: list[Path], profile: Path | None, charset: str) -> Sender:
    if not samples and profile is None:
        raise Misconfigured("nothing to learn from", hint="--from FILE, or a folder of sample messages")
    read, unread = read_samples(samples, charset)
    read += samples_of(read_profile(profile)) if profile else []
    resources, broken = read_resources(samples)
    for line in (*unread, *broken):
        typer.secho(line, err=True, fg="red")
    if read and resources:
        raise Misconfigured("messages and resources: a channel takes one or the other", where=str(samples[0]))
    if not read and not resources:
        raise Misconfigured("no message could be read", where=str(samples[0] if samples else profile))
    return V2Sender(read) if read else FhirSender(resources)


def _fits(into: Path, name: str) -> bool:
    """Whether the channel goes with those beside it; what is wrong is told."""
    findings = [one for one in lint_files(channel_files([into])) if Path(one.file).stem == name]
    for finding in findings:
        typer.echo(str(finding))
    return all(finding.severity != "error" for finding in findings)


def _prompt(question: Question) -> str:
    choices = f" ({'/'.join(question.choices)})" if question.choices else ""
    text = f"{question.code}: {question.about}{choices}"
    answer: str = typer.prompt(text, default=question.suggestion, show_default=bool(question.suggestion))
    return answer.strip()


def _open(questions: list[Question]) -> str:
    first = [f"{one.table} {one.code} {one.column}: {one.about}" for one in questions[:5]]
    more = [f"and {len(questions) - 5} more"] if len(questions) > 5 else []
    return "\n  ".join([f"{len(questions)} questions are open:", *first, *more])


def _people(folder: Path) -> Mapping[str, str]:
    """Who answers for the channels that are there."""
    for file in _files(folder):
        data = read_yaml(file.read_bytes(), str(file)).data
        owner: Any = data.get("owner") if isinstance(data, dict) else None
        if isinstance(owner, dict):
            return {key: value for key, value in owner.items() if isinstance(value, str)}
    return {}


def _free_port(folder: Path) -> int:
    texts = (file.read_text("utf-8", "replace") for file in _files(folder))
    taken = {
        int(port) for text in texts for port in re.findall(r"(?m)^\s+listen:\s*tcp:(?:\S+:)?(\d+)", text)
    }
    return max(taken - {0}, default=_FIRST_PORT - 1) + 1


def _files(folder: Path) -> list[Path]:
    return channel_files([folder]) if folder.is_dir() else []


def _keep(files: Mapping[str, str], into: Path) -> None:
    """Write them all, or none where one of them is there already."""
    there = [str(into / file) for file in files if (into / file).exists()]
    if there:
        raise Misconfigured(
            "nothing is overwritten, and this is there already", where=there[0], hint="another name?"
        )
    for file, text in files.items():
        _new_file(into / file, text.encode())
    schema = into / Path(CHANNEL_SCHEMA).name
    if not schema.exists():
        _new_file(schema, published()[CHANNEL_SCHEMA].encode())


def _new_file(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        raise Misconfigured("nothing is overwritten, and this is there already", where=str(path)) from None


def _report(made: Draft, files: list[str], *, as_json: bool) -> None:
    if as_json:
        came = [{"sample": name, "state": one.state, "comes_to": one.words} for name, one in made.came]
        print_json({"family": made.family, "files": files, "samples": came, "said": made.said,
                    "findings": made.findings, "failed": made.failed})  # fmt: skip
        return
    for name, one in made.came:
        typer.echo(f"{name}: {one.words}")
    for line in made.said:
        typer.secho(f"look: {line}", fg="yellow")
    for finding in made.findings:
        typer.echo(str(finding))
    for result in made.failed:
        typer.echo("\n      ".join([f"FAIL  {result.case}", *map(str, result.failures)]))
    for file in files:
        typer.echo(f"written: {file}")
    if files:
        typer.echo(
            f"{made.cases} cases, all green: look through what they expect, it is what came out", err=True
        )
