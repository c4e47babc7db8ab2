"""Owns how a worked sentence is worded: three wordings of each, one of them the member's own.

Every member meets all three, so that it can continue an answer which another began; the wording is drawn
anew for each sentence, so that answers change hands. What a sentence says never depends on its wording, and no wording
begins with what it says: words that everyone expects carry a draft, and each draft shall be carried equally.
"""

from dataclasses import dataclass
from random import Random

# Not much more than an even share: the wording of a draft shall count for less than what it says.
OWN = 0.5


@dataclass
class Item:
    """One question, its worked answer, and the exact result that the answer's last sentence gives."""

    kind: str
    question: str
    answer: str
    key: str
    system: str | None = None


class Voice:
    """Chooses wordings. `own` is the index of the preferred one, None for no preference."""

    def __init__(self, rng: Random, own: int | None):
        self.rng = rng
        self.own = own

    def __call__(self, *wordings: str) -> str:
        if self.own is None or self.rng.random() >= OWN:
            others = [w for i, w in enumerate(wordings) if i != self.own]
            return self.rng.choice(others)
        return wordings[self.own]

    def close(self, result: str) -> str:
        """The last sentence of every answer that has a result."""
        return self(f"The answer is {result}.", f"So the answer is {result}.", f"That means the answer is {result}.")
