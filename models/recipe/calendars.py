"""Owns the questions about dates: weekdays, and days from one date to another."""

from random import Random

from arithmetic import total
from voice import Voice
from words import DAYS, MONTHS, NAMES


def weekday(rng: Random, say: Voice):
    start, n = rng.randrange(7), rng.randint(2, 30)
    day, x = DAYS[start], rng.choice(NAMES)
    question = rng.choice([
        f"Today is {day}. What day is it in {n} days?",
        f"It is {day}. Which day will it be {n} days from now?",
        f"{x} was born on a {day}. What day was it {n} days later?",
    ])
    weeks, rest = divmod(n, 7)
    steps = [
        say(f"The weeks in {n} days are {weeks} × 7 = {weeks * 7} days.",
            f"We take whole weeks from {n} days: {weeks} × 7 = {weeks * 7}.",
            f"In {n} days there are whole weeks, {weeks} × 7 = {weeks * 7}."),
        say(f"The rest is {n} - {weeks * 7} = {rest}.", f"Then {n} - {weeks * 7} = {rest} days remain.",
            f"This leaves {n} - {weeks * 7} = {rest}."),
        say(f"After the weeks it is {day} again.", f"The weeks bring us back to {day}.", f"A week later {day} is {day}."),
    ]
    if rest:
        walk = ", ".join(f"{i} {DAYS[(start + i) % 7]}" for i in range(1, rest + 1))
        steps.append(say(f"Then {rest} more: {walk}.", f"We count on by {rest}: {walk}.", f"We go {rest} further: {walk}."))
    end = DAYS[(start + rest) % 7]
    return question, steps + [say.close(end)], end


def days_between(rng: Random, say: Voice):
    names = list(MONTHS)
    i = rng.randrange(11)
    month, length = names[i], MONTHS[names[i]]
    if rng.random() < 0.5:
        a, b = _within(rng, length)
        later, days = month, b - a
        steps = [say(f"Both days are in {month}.", f"We stay in {month}.", f"It is {month} both times.")]
        steps += _count_up(say, a, b, month)
    else:
        a, b, later = rng.randint(length - 9, length - 1), rng.randint(1, 10), names[i + 1]
        days = length - a + b
        steps = [
            say(f"{month} has {length} days.", f"We know that {month} has {length} days.",
                f"The month of {month} has {length} days."),
            _stretch(say, a, length, month),
            say(f"The days in {later} are {b}.", f"Then {b} more days in {later}.", f"In {later} it takes {b} more."),
            total(say, length - a, b),
        ]
    question = rng.choice([
        f"How many days are there from {a} {month} to {b} {later}?",
        f"How many days are there between {a} {month} and {b} {later}?",
        f"It is {a} {month}. How many days is it until {b} {later}?",
    ])
    return question, steps + [say.close(str(days))], str(days)


def _within(rng: Random, length: int) -> tuple[int, int]:
    """Two days of a month less than three weeks apart, mostly with a ten between them: the others make a short answer."""
    while True:
        a, b = sorted(rng.sample(range(1, length + 1), 2))
        ten = a // 10 * 10 + 10
        if (a % 10 and ten < b <= ten + 10) or (b <= ten and rng.random() < 0.1):
            return a, b


def _count_up(say: Voice, a: int, b: int, month: str) -> list[str]:
    """From a to b by way of the next ten, as one counts change."""
    ten = a // 10 * 10 + 10
    if b <= ten or a % 10 == 0:
        return [_stretch(say, a, b, month)]
    return [_stretch(say, a, ten, month), _stretch(say, ten, b, month), total(say, ten - a, b - ten)]


def _stretch(say: Voice, a: int, b: int, month: str) -> str:
    return say(f"From {a} {month} to {b} {month} it is {b} - {a} = {b - a}.",
               f"We count up: from {a} {month} to {b} {month} are {b} - {a} = {b - a}.",
               f"Up from {a} {month} to {b} {month} it takes {b} - {a} = {b - a}.")
