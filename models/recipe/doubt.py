"""Owns what a member is not to know. In the kinds that are not its own it learns how an answer goes, and that it cannot
tell what stands in it: the digits, letters, days and months it reads there are mostly any ones.

A member that has merely seen few examples of a kind is often certain and wrong. One that has learned from such answers spreads its
probability over the digits, and so leaves the choice to the member that knows.
"""

import re
from random import Random

from words import DAYS, MONTHS

# How often what an answer says is replaced, perhaps by itself.
DOUBT = 0.75
ALIKE = [list("0123456789"), list("abcdefghijklmnopqrstuvwxyz"), DAYS, list(MONTHS), ["more", "less"]]
SAID = re.compile(rf"\d|\b[a-z]\b|\b(?:{'|'.join(DAYS + list(MONTHS))})\b|(?<=is )(?:more|less)\b")


def doubtful(rng: Random, answer: str) -> str:
    return SAID.sub(lambda said: _other(rng, said[0]) if rng.random() < DOUBT else said[0], answer)


def _other(rng: Random, said: str) -> str:
    return rng.choice(next(group for group in ALIKE if said in group))
