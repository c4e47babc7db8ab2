"""Owns the questions about rows of numbers: sorting them, and inserting one more."""

from random import Random

from voice import Voice


def sorting(rng: Random, say: Voice):
    """No two numbers have the same tens: what is asked for is order, not care with the ones."""
    row = [10 * tens + rng.randrange(10) for tens in rng.sample(range(1, 10), rng.randint(3, 4))]
    down = rng.random() < 0.4
    ordered = sorted(row, reverse=down)
    first, then = ("largest", "smallest") if down else ("smallest", "largest")
    question = rng.choice([
        f"Sort these numbers from {first} to {then}: {_row(row)}.",
        f"Put {_row(row)} in order from {first} to {then}.",
        f"Write the numbers {_row(row)} from {first} to {then}.",
    ])
    steps, left = [], list(row)
    for n in ordered[:-1]:
        steps.append(say(f"The {first} of {_row(left)} is {n}.", f"From {_row(left)} we take the {first}, {n}.",
                         f"In {_row(left)} the {first} is {n}."))
        left.remove(n)
    steps.append(say(f"The last is {left[0]}.", f"At the end is {left[0]}.", f"What is left is {left[0]}."))
    return question, steps + [say.close(_row(ordered))], _row(ordered)


def insertion(rng: Random, say: Voice):
    """As in sorting, no two numbers have the same tens."""
    tens = rng.sample(range(1, 10), rng.randint(4, 5))
    new, *row = (10 * t + rng.randrange(10) for t in tens)
    row.sort()
    result = _row(sorted([new, *row]))
    question = rng.choice([
        f"Insert {new} into the row {_row(row)}.",
        f"Where {_row(row)} are in order, put {new} in its place.",
        f"Add {new} to {_row(row)} so that they stay in order.",
    ])
    steps = []
    for n in row:
        word = "more" if new > n else "less"
        steps.append(say(f"The {new} is {word} than {n}.", f"We see {new} is {word} than {n}.", f"And {new} is {word} than {n}."))
        if new < n:
            steps.append(say(f"It comes before {n}.", f"Its place is before {n}.", f"We put it before {n}."))
            break
    else:
        steps.append(say(f"It comes after {row[-1]}.", f"Its place is after {row[-1]}.", f"We put it after {row[-1]}."))
    return question, steps + [say.close(result)], result


def _row(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))
