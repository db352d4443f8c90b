"""Our reading against python-hl7 and hl7apy, over every message of the public corpus.

`disagreements.yaml` says where we differ: by peer and cause, why ours stands, and the exact messages. A
disagreement that is not written there fails, and so does one that is and occurs no more.
`WARDLINE_DISAGREEMENTS=FILE` writes what was found, with the reasons there are.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from corpus_messages import CORPUS, all_messages
from disagreeing import with_hl7apy, with_python_hl7

EXPLAINED: dict[str, dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "disagreements.yaml").read_text(encoding="utf-8")
)
PEERS: dict[str, Callable[[bytes], Iterator[str]]] = {
    "python-hl7": with_python_hl7,
    "hl7apy": with_hl7apy,
}

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.slow,  # hl7apy takes half a minute for them all
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not CORPUS.is_dir(), reason="the sample corpus is not beside the checkout"),
]


@pytest.mark.parametrize("peer", PEERS)
def test_every_disagreement_is_explained_and_every_explanation_needed(peer: str) -> None:
    messages = all_messages()
    assert len(messages) > 800
    found: dict[str, list[str]] = defaultdict(list)
    for message in messages:
        for cause in sorted(set(PEERS[peer](message.raw))):
            found[cause].append(message.name)
    _keep(peer, found)
    explained = {cause: entry["in"] for cause, entry in EXPLAINED[peer].items()}
    differing = {name for names in found.values() for name in names}
    print(f"\n{peer}: {len(messages)} messages, {len(messages) - len(differing)} read the same")
    for cause, names in sorted(found.items()):
        print(f"  {len(names):>4} {cause}")
    assert set(found) <= set(explained)
    # On another corpus than the one that was explained, its causes are all that can be asked.
    if {name for names in explained.values() for name in names} <= {message.name for message in messages}:
        assert dict(found) == explained


@pytest.mark.parametrize("peer", PEERS)
def test_every_explanation_says_why(peer: str) -> None:
    for cause, entry in EXPLAINED[peer].items():
        assert not cause.startswith("unexplained"), cause
        assert len(entry["why"]) > 30, cause


def _keep(peer: str, found: dict[str, list[str]]) -> None:
    if path := os.environ.get("WARDLINE_DISAGREEMENTS"):
        file = Path(path)
        kept = yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else {}
        reasons = {cause: entry["why"] for cause, entry in EXPLAINED.get(peer, {}).items()}
        kept[peer] = {
            cause: {"why": reasons.get(cause, ""), "in": names} for cause, names in sorted(found.items())
        }
        file.write_text(
            yaml.safe_dump(kept, sort_keys=False, width=110, allow_unicode=True), encoding="utf-8"
        )
