"""Owns the questions about dates and measures: weekdays, days between dates, units."""

from random import Random

from voice import Voice
from words import DAYS, MONTHS, NAMES

UNITS = [("m", "cm", 100), ("km", "m", 1000), ("kg", "g", 1000), ("hours", "minutes", 60)]


def weekday(rng: Random, say: Voice):
    start, n = rng.randrange(7), rng.randint(2, 20)
    day, x = DAYS[start], rng.choice(NAMES)
    question = rng.choice([
        f"Today is {day}. What day is it in {n} days?",
        f"It is {day}. Which day will it be {n} days from now?",
        f"{x} was born on a {day}. What day was it {n} days later?",
    ])
    weeks, rest = divmod(n, 7)
    split = f"{_count(weeks, 'week')} and {_count(rest, 'day')}"
    walk = ", ".join(DAYS[(start + i + 1) % 7] for i in range(rest))
    end = DAYS[(start + rest) % 7]
    steps = [
        say(f"{n} days are {split}.", f"We split {n} days: {split}.", f"In {n} days there are {split}."),
        say(f"After whole weeks it is {day} again.", f"The weeks bring us back to {day}.", f"A week later {day} is {day}."),
    ]
    if rest:
        steps.append(say(f"Then {rest} more: {walk}.", f"We count on by {rest}: {walk}.",
                         f"We go {rest} further: {walk}."))
    return question, steps + [say(f"It is {end}.", f"So it is {end}.", f"That means it is {end}.")], end


def _count(n: int, what: str) -> str:
    return f"1 {what}" if n == 1 else f"{n} {what}s"


def days_between(rng: Random, say: Voice):
    names = list(MONTHS)
    i = rng.randrange(11)
    month, length = names[i], MONTHS[names[i]]
    if rng.random() < 0.5:
        a, b = sorted(rng.sample(range(1, length + 1), 2))
        later, days = month, b - a
        steps = [say(f"Both days are in {month}.", f"We stay in {month}.", f"It is {month} both times.")]
        steps += _count_up(say, a, b)
    else:
        a, b, later = rng.randint(length - 11, length - 1), rng.randint(1, 15), names[i + 1]
        days = length - a + b
        steps = [
            say(f"{month} has {length} days.", f"We know that {month} has {length} days.",
                f"The month of {month} has {length} days."),
            _stretch(say, a, length), _total(say, length - a, b),
        ]
    question = rng.choice([
        f"How many days are there from {a} {month} to {b} {later}?",
        f"How many days are there between {a} {month} and {b} {later}?",
        f"It is {a} {month}. How many days is it until {b} {later}?",
    ])
    end = _count(days, "day")
    return question, steps + [say(f"It is {end}.", f"So it is {end}.", f"That means it is {end}.")], end


def _count_up(say: Voice, a: int, b: int) -> list[str]:
    """From a to b by way of the next ten, as one counts change."""
    ten = a // 10 * 10 + 10
    if b <= ten or a % 10 == 0:
        return [_stretch(say, a, b)]
    return [_stretch(say, a, ten), _stretch(say, ten, b), _total(say, ten - a, b - ten)]


def _stretch(say: Voice, a: int, b: int) -> str:
    return say(f"From {a} to {b} it is {b - a}.", f"We count up: from {a} to {b} are {b - a}.",
               f"Up from {a} to {b} it takes {b - a}.")


def _total(say: Voice, a: int, b: int) -> str:
    return say(f"{a} + {b} = {a + b}.", f"Together: {a} + {b} = {a + b}.", f"This makes {a} + {b} = {a + b}.")


def units(rng: Random, say: Voice):
    big, small, factor = rng.choice(UNITS)
    n = rng.randint(2, 9)
    rest = rng.randint(1, 59) if factor == 60 else rng.randint(1, 9 if rng.random() < 0.1 else 99)
    total = n * factor + rest
    x = rng.choice(NAMES)
    if factor != 60 and rng.random() < 0.4:
        return _split_units(rng, say, (big, small, factor), (n, rest))
    question = rng.choice([
        f"How many {small} are {n} {big} and {rest} {small}?",
        f"{x} measures {n} {big} and {rest} {small}. How many {small} is that?",
        f"Write {n} {big} and {rest} {small} in {small}.",
    ])
    steps = [
        say(f"1 {_one(big)} is {factor} {small}.", f"We know that 1 {_one(big)} is {factor} {small}.",
            f"In 1 {_one(big)} there are {factor} {small}."),
        say(f"{n} {big} are {n} × {factor} = {n * factor} {small}.",
            f"First the {big}: {n} × {factor} = {n * factor} {small}.",
            f"The {big} give {n} × {factor} = {n * factor} {small}."),
        say(f"{n * factor} + {rest} = {total}.", f"Together: {n * factor} + {rest} = {total}.",
            f"This makes {n * factor} + {rest} = {total}."),
        say(f"It is {total} {small}.", f"So it is {total} {small}.", f"That means it is {total} {small}."),
    ]
    return question, steps, f"{total} {small}"


def _one(unit: str) -> str:
    return "hour" if unit == "hours" else unit


def _split_units(rng: Random, say: Voice, unit: tuple[str, str, int], amount: tuple[int, int]):
    (big, small, factor), (n, rest) = unit, amount
    total = n * factor + rest
    question = rng.choice([
        f"How many {big} and {small} are {total} {small}?", f"Write {total} {small} in {big} and {small}.",
    ])
    steps = [
        say(f"1 {_one(big)} is {factor} {small}.", f"We know that 1 {_one(big)} is {factor} {small}.",
            f"In 1 {_one(big)} there are {factor} {small}."),
        say(f"{n} {big} are {n} × {factor} = {n * factor} {small}.",
            f"First the {big}: {n} × {factor} = {n * factor} {small}.",
            f"The {big} give {n} × {factor} = {n * factor} {small}."),
        say(f"{total} - {n * factor} = {rest}.", f"Then {total} - {n * factor} = {rest}.",
            f"This leaves {total} - {n * factor} = {rest}."),
        say(f"It is {n} {big} and {rest} {small}.", f"So it is {n} {big} and {rest} {small}.",
            f"That means it is {n} {big} and {rest} {small}."),
    ]
    return question, steps, f"{n} {big} and {rest} {small}"
