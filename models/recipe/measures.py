"""Owns the questions about measures of everyday life: clock times, and the worth of coins."""

from random import Random

from arithmetic import total
from voice import Voice
from words import NAMES

COINS = [50, 20, 10, 5, 2]
EVENTS = ["film", "game", "lesson", "concert", "party", "journey", "meeting", "walk"]


def clock(rng: Random, say: Voice):
    h, m = rng.randint(6, 19), 5 * rng.randrange(12)
    hours, minutes = rng.randint(1, 3), 5 * rng.randint(1, 11)
    x, event = rng.choice(NAMES), rng.choice(EVENTS)
    span = f"{hours} hour{'s' * (hours > 1)} and {minutes} minutes"
    question = rng.choice([
        f"A {event} starts at {_time(h, m)} and lasts {span}. When does it end?",
        f"It is {_time(h, m)}. What time is it in {span}?",
        f"{x} leaves at {_time(h, m)} and needs {span}. When does {x} arrive?",
    ])
    both, late = m + minutes, h + hours
    steps = [
        say(f"The hours are {h} + {hours} = {late}.", f"First the hours: {h} + {hours} = {late}.",
            f"The hours give {h} + {hours} = {late}."),
        say(f"The minutes are {m} + {minutes} = {both}.", f"Then the minutes: {m} + {minutes} = {both}.",
            f"The minutes give {m} + {minutes} = {both}."),
    ]
    if both >= 60:
        steps += [
            say(f"That is 1 hour and {both} - 60 = {both - 60} minutes.", f"We take out an hour: {both} - 60 = {both - 60}.",
                f"An hour is full, {both} - 60 = {both - 60} remain."),
            say(f"The hour is then {late} + 1 = {late + 1}.", f"So the hour is {late} + 1 = {late + 1}.",
                f"It goes on to {late} + 1 = {late + 1}."),
        ]
        late, both = late + 1, both - 60
    else:
        steps.append(say(f"But {both} is less than 60, the hour stays {late}.", f"We see {both} is less than 60, so the hour is {late}.",
                         f"No hour is full with {both}, it stays {late}."))
    return question, steps + [say.close(_time(late, both))], _time(late, both)


def _time(hours: int, minutes: int) -> str:
    return f"{hours}:{minutes:02}"


def coins(rng: Random, say: Voice):
    values = sorted(rng.sample(COINS, 3), reverse=True)
    counts = [rng.randint(2, 6) for _ in values]
    parts = [f"{n} coins of {value} cents" for n, value in zip(counts, values)]
    held, x = f"{parts[0]}, {parts[1]} and {parts[2]}", rng.choice(NAMES)
    question = rng.choice([
        f"{x} has {held}. How many cents is that?",
        f"How many cents are {held}?",
        f"In a purse there are {held}. How much money is it in cents?",
    ])
    steps, money = [], 0
    for n, value in zip(counts, values):
        worth = n * value
        steps.append(say(f"That gives {n} × {value} = {worth}.", f"We count {n} × {value} = {worth}.", f"There are {n} × {value} = {worth}."))
        if money:
            steps.append(total(say, money, worth))
        money += worth
    return question, steps + [say.close(str(money))], str(money)
