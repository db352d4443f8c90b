"""How often a message is sent, and how sending it ended."""

from __future__ import annotations

from dataclasses import dataclass, field

from mllp.answers import Verdict

__all__ = ["COMMITTED_ONLY", "ONCE", "Answer", "Retry"]

COMMITTED_ONLY = "committed"
"""The reason of a message that was committed (MLLP Release 2) and asked for no other answer."""


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and when to send again: attempt n waits `first * 2**(n-1)` seconds, at most
    `ceiling`, less a random part of up to `jitter`. `verdicts` are those worth another attempt."""

    attempts: int = 5
    first: float = 1.0
    ceiling: float = 60.0
    jitter: float = 0.5
    verdicts: frozenset[Verdict] = frozenset({Verdict.NONE, Verdict.UNMATCHED, Verdict.REJECTED})

    def wait(self, attempt: int, dice: float) -> float:
        """Seconds to wait after attempt number `attempt` (from 1); `dice` is in [0, 1)."""
        longest = min(self.ceiling, self.first * 2.0 ** min(attempt - 1, 60))
        return longest * (1 - self.jitter * dice)


ONCE = Retry(attempts=1)
"""Try once."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How sending one message ended: `code` is MSA-1 or empty, `message` the whole answer or empty,
    `seconds` the time the last attempt took, `reason` why there is no answer that counts: fixed
    phrases and the network's own words, nothing of the message."""

    verdict: Verdict
    code: str = ""
    message: bytes = field(default=b"", repr=False)
    attempts: int = 1
    seconds: float = 0.0
    reason: str = ""
