"""Owns the kinds of question: one registry, how an item is drawn, and which questions training never draws.

Of every kind that is asked in the question sets, an eighth of all questions is reserved, by a checksum of what is asked.
Training draws the others only. So no seed, and no chance, brings a question of the sets into the training text.
"""

import re
import zlib
from random import Random

import arithmetic
import calendars
import letters
import lists
import measures
from voice import Item, Voice
from words import SMALL_TALK, SPELLING, UNKNOWN, UNKNOWN_TOPICS

RESERVED = 8
# Told in any order: an answer that never varies is one to be too sure of.
TOPICS = ["small sums", "dates", "times", "lists", "words"]


def unknown(rng: Random, say: Voice):
    question = rng.choice(SMALL_TALK) if rng.random() < 0.4 else rng.choice(UNKNOWN).format(rng.choice(UNKNOWN_TOPICS))
    *most, last = rng.sample(TOPICS, len(TOPICS))
    known = f"I only know {', '.join(most)} and {last}."
    answer = say(known, f"Sorry, {known}", f"That is too hard for me, {known}")
    return question, [answer], "I only know"


ASKED = {
    "addition": arithmetic.addition,
    "multiplication": arithmetic.multiplication,
    "weekday": calendars.weekday,
    "days_between": calendars.days_between,
    "spelling": letters.spelling,
    "reversal": letters.reversal,
    "sorting": lists.sorting,
    "insertion": lists.insertion,
    "clock": measures.clock,
    "coins": measures.coins,
}
PRACTICE = {"repetition": letters.repetition, "unknown": unknown}
KINDS = ASKED | PRACTICE


def reserved(question: str) -> bool:
    """Whether only the question sets may ask this. In questions about a word, it is the word that is reserved."""
    quoted = re.search(r'"(\w+)"', question)
    subject = quoted[1] if quoted else question
    return subject not in SPELLING and zlib.crc32(subject.encode()) % RESERVED == 0


def draw(rng: Random, kind: str, own: int | None = None, held_out: bool = False) -> Item:
    while True:
        question, steps, key = KINDS[kind](rng, Voice(rng, own))
        if kind in PRACTICE or reserved(question) == held_out:
            return Item(kind, question, " ".join(steps), key)
