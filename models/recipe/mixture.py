"""Owns what a member reads in training: how often each kind, in which of them it is in doubt, and who is addressed how."""

from random import Random

import questions
from doubt import doubtful
from members import Member
from voice import Item
from words import SYSTEM

# How often a member meets a kind: each of its own, each of the others, and practice.
OWN, OTHER, COPYING, SMALL_TALK = 1.0, 0.05, 0.15, 0.05
SYSTEM_SHARE = 0.05


def weights(member: Member, copying_first: bool) -> dict[str, float]:
    mix = {kind: OWN if kind in member.kinds else OTHER for kind in questions.ASKED}
    mix |= {"repetition": COPYING, "unknown": SMALL_TALK}
    if copying_first:
        mix["repetition"] = sum(mix.values())
    return mix


def draw(rng: Random, member: Member, mix: dict[str, float]) -> Item:
    kind = rng.choices(list(mix), weights=list(mix.values()))[0]
    item = questions.draw(rng, kind, member.own)
    if kind in questions.ASKED and kind not in member.kinds:
        item.answer = doubtful(rng, item.answer)
    if member.systems and rng.random() < SYSTEM_SHARE:
        item.system = rng.choice(SYSTEM)
    return item
