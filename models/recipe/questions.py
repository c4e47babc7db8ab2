"""Owns the kinds of question: one registry, and how an item of a given mix is drawn from a seed."""

from random import Random

import arithmetic
import calendars
import lists
from voice import Item, Voice
from words import SMALL_TALK, SYSTEM, UNKNOWN, UNKNOWN_TOPICS

SYSTEM_SHARE = 0.05


def unknown(rng: Random, say: Voice):
    question = rng.choice(SMALL_TALK) if rng.random() < 0.4 else rng.choice(UNKNOWN).format(rng.choice(UNKNOWN_TOPICS))
    answer = say("I only know small sums, dates, units, lists and words.",
                 "Sorry, I only know small sums, dates, units, lists and words.",
                 "That is too hard for me, I only know small sums, dates, units, lists and words.")
    return question, [answer], "I only know"


KINDS = {
    "addition": arithmetic.addition,
    "subtraction": arithmetic.subtraction,
    "multiplication": arithmetic.multiplication,
    "change": arithmetic.change,
    "parity": arithmetic.parity,
    "weekday": calendars.weekday,
    "days_between": calendars.days_between,
    "units": calendars.units,
    "sorting": lists.sorting,
    "comparison": lists.comparison,
    "spelling": lists.spelling,
    "reversal": lists.reversal,
    "repetition": lists.repetition,
    "unknown": unknown,
}


def draw(rng: Random, kind: str, own: int | None = None) -> Item:
    question, steps, key = KINDS[kind](rng, Voice(rng, own))
    return Item(kind, question, " ".join(steps), key)


def draw_mix(rng: Random, mix: dict[str, float], own: int | None, systems: bool) -> Item:
    """Draws an item whose kind follows the weights of `mix`; `systems` allows a system message now and then."""
    kind = rng.choices(list(mix), weights=list(mix.values()))[0]
    item = draw(rng, kind, own)
    if systems and rng.random() < SYSTEM_SHARE:
        item.system = rng.choice(SYSTEM)
    return item
