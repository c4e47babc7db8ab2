"""Owns how a worked sentence is worded: three wordings of each, one of them the member's own.

Every member meets all three, so that it can continue an answer which another began; the wording is drawn
anew for each sentence, so that answers change hands. What a sentence says never depends on its wording.
"""

from dataclasses import dataclass
from random import Random

OWN = 0.7


@dataclass
class Item:
    """One question, its worked answer, and the text that the answer's last sentence must hold."""

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
