"""A channel out of every sample of the corpus: it holds together, or it says why there is none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from corpus_messages import CORPUS

from engine.errors import Misconfigured
from engine.privacy.harvest import Harvester
from engine.privacy.policy import Policy
from engine.workbench.drafting.draft import Draft, draft
from engine.workbench.drafting.questions import Answers
from engine.workbench.drafting.samples import Sample, read_samples
from engine.workbench.drafting.sender import V2Sender, Wanted

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus at {CORPUS}")

WHOLE = frozenset({"DFT", "BAR", "SIU", "RDS", "RAS", "MFN", "OMS", "OMN", "OMP", "ORM"})
EVERY = {"ADT": 5, "ORU": 12}
"""Of these there are hundreds, most of them of a few senders: every so many files."""

WANTED = Wanted("first", "business@hospital.example", "technical@hospital.example", 2599, "hospital-odoo")


def _files() -> Iterator[tuple[Path, list[Sample]]]:
    seen = dict.fromkeys(EVERY, 0)
    for path in sorted(one for one in CORPUS.rglob("*") if one.is_file()):
        samples, _ = read_samples([path])
        kinds = {one.document.header.type for one in samples}
        for kind in EVERY.keys() & kinds:
            seen[kind] += 1
        if kinds & WHOLE or any(seen[kind] % EVERY[kind] == 1 for kind in EVERY.keys() & kinds):
            yield path, [one for one in samples if one.document.header.type in WHOLE | EVERY.keys()]


def _identifying(samples: list[Sample]) -> set[str]:
    """Long words of what identifies in them."""
    harvester = Harvester(Policy())
    seen = (one for sample in samples for one in harvester.of(sample.document))
    return {
        word for one in seen if one.kind in ("name", "number") for word in one.text.split() if len(word) > 6
    }


def _words(made: Draft) -> set[str]:
    return {word for text in made.files.values() for word in re.split(r"[|^~&\s,/{}:\"]+", text)}


def test_every_sample_gives_a_channel_that_holds_together_or_a_reason() -> None:
    drafted, reasons = [], []
    for path, samples in _files():
        try:
            made = draft(V2Sender(samples), WANTED, Answers({}, lambda question: question.suggestion))
        except Misconfigured as why:
            reasons.append(why.text)
            continue
        assert made.findings == [], path
        assert made.failed == [], path
        # What stands in MSH and in codes may be a word of a name: no such word was found in any other place.
        header = {
            word
            for one in samples
            for word in re.split(r"[|^~&\s]+", one.raw.decode("latin-1").split("\r")[0])
        }
        assert _identifying(samples) & _words(made) <= header, path
        drafted.append(made)
    kinds = {made.family for made in drafted}
    assert kinds == {"charges", "schedule", "orders", "dispense", "lab", "admissions", "items", "prices"}
    assert len(drafted) > 70
    assert len(reasons) > 50
    assert not any("wardline-new" in reason for reason in reasons)  # its own file, not the samples
    effects = [one for one in drafted if any(came.state == "effects" for _, came in one.came)]
    assert len(effects) > 40
