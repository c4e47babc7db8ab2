"""Owns the questions about sums: addition and multiplication, in stories and bare."""

from random import Random

from voice import Voice
from words import NAMES, PLACES, THINGS


def addition(rng: Random, say: Voice):
    a, b = _pair(rng)
    (ta, oa), (tb, ob) = _split(a), _split(b)
    steps = [
        say(f"The number {a} is {ta} + {oa} and {b} is {tb} + {ob}.",
            f"We split {a} into {ta} + {oa} and {b} into {tb} + {ob}.",
            f"The parts of {a} are {ta} + {oa}, those of {b} are {tb} + {ob}."),
        say(f"The tens are {ta} + {tb} = {ta + tb}.", f"First the tens: {ta} + {tb} = {ta + tb}.",
            f"The tens give {ta} + {tb} = {ta + tb}."),
        say(f"The ones are {oa} + {ob} = {oa + ob}.", f"Then the ones: {oa} + {ob} = {oa + ob}.",
            f"The ones give {oa} + {ob} = {oa + ob}."),
        total(say, ta + tb, oa + ob),
        say.close(str(a + b)),
    ]
    return _addition_story(rng, a, b), steps, str(a + b)


def total(say: Voice, a: int, b: int) -> str:
    return say(f"That is {a} + {b} = {a + b}.", f"Together: {a} + {b} = {a + b}.", f"This makes {a} + {b} = {a + b}.")


def _long_total(say: Voice, a: int, b: int) -> list[str]:
    """a + b where a has no ones: first the tens of b, then its ones."""
    tens, ones = _split(b)
    return [total(say, a, tens), total(say, a + tens, ones)]


def _split(n: int) -> tuple[int, int]:
    return n // 10 * 10, n % 10


def _pair(rng: Random) -> tuple[int, int]:
    if rng.random() < 0.8:
        return rng.randint(10, 99), rng.randint(10, 99)
    return rng.randint(1, 99), rng.randint(1, 99)


def _addition_story(rng: Random, a: int, b: int) -> str:
    x, y = rng.sample(NAMES, 2)
    t = rng.choice(THINGS)
    place = rng.choice(PLACES)
    shop = f"A shop has {a} {t} and gets {b} more. How many {t} are there now?"
    return rng.choice([
        shop, shop, shop, shop,
        f"A {place} has {a} {t} and gets {b} more. How many {t} are there now?",
        f"{x} has {a} {t} and finds {b} more. How many {t} does {x} have now?",
        f"{x} has {a} {t}. {y} gives {x} {b} more. How many {t} does {x} have now?",
        f"{x} has {a} {t} and {y} has {b}. How many {t} do they have together?",
        f"There are {a} {t} in a {place} and {b} in another. How many {t} are there?",
        f"In the morning {x} sold {a} {t}, in the evening {b}. How many {t} is that?",
        f"How much is {a} + {b}?",
        f"What is {a} plus {b}?",
    ])


def multiplication(rng: Random, say: Voice):
    a, b = rng.randint(11, 99), rng.randint(2, 9)
    x, t = rng.choice(NAMES), rng.choice(THINGS)
    question = rng.choice([
        f"{x} has {b} boxes with {a} {t} each. How many {t} is that?",
        f"There are {b} bags, each with {a} {t}. How many {t} are there in all?",
        f"{x} buys {a} {t} every week. How many {t} is that after {b} weeks?",
        f"How much is {a} × {b}?",
        f"What is {a} times {b}?",
    ])
    tens, ones = _split(a)
    steps = [
        say(f"We need {a} × {b}, and {a} is {tens} + {ones}.",
            f"We multiply {a} by {b} and split {a} into {tens} + {ones}.",
            f"The sum is {a} × {b}, the parts of {a} are {tens} + {ones}."),
        say(f"The tens are {tens} × {b} = {tens * b}.", f"First the tens: {tens} × {b} = {tens * b}.",
            f"The tens give {tens} × {b} = {tens * b}."),
        say(f"The ones are {ones} × {b} = {ones * b}.", f"Then the ones: {ones} × {b} = {ones * b}.",
            f"The ones give {ones} × {b} = {ones * b}."),
        *_long_total(say, tens * b, ones * b),
        say.close(str(a * b)),
    ]
    return question, steps, str(a * b)
