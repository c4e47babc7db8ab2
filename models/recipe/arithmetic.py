"""Owns the questions about sums: stories that add, take away, multiply, give change, and plain number facts."""

from random import Random

from voice import Voice
from words import NAMES, PLACES, THINGS


def addition(rng: Random, say: Voice):
    a, b = _pair(rng)
    question, ending = _addition_story(rng, a, b)
    tens, ones = a // 10 * 10 + b // 10 * 10, a % 10 + b % 10
    steps = [
        say(f"{a} + {b}: the tens are {a // 10 * 10} + {b // 10 * 10} = {tens}.",
            f"We add {a} and {b}. First the tens: {a // 10 * 10} + {b // 10 * 10} = {tens}.",
            f"The sum is {a} + {b}. The tens give {a // 10 * 10} + {b // 10 * 10} = {tens}."),
        say(f"The ones are {a % 10} + {b % 10} = {ones}.",
            f"Then the ones: {a % 10} + {b % 10} = {ones}.",
            f"The ones give {a % 10} + {b % 10} = {ones}."),
        say(f"{tens} + {ones} = {a + b}.", f"Together: {tens} + {ones} = {a + b}.",
            f"This makes {tens} + {ones} = {a + b}."),
    ]
    return question, steps + [_close(say, ending.format(a + b))], str(a + b)


def _pair(rng: Random) -> tuple[int, int]:
    if rng.random() < 0.9:
        return rng.randint(10, 99), rng.randint(10, 99)
    return rng.randint(1, 99), rng.randint(1, 99)


def _close(say: Voice, ending: str) -> str:
    lower = ending if ending.split()[0] in NAMES else ending[0].lower() + ending[1:]
    return say(ending, f"So {lower}", f"That means {lower}")


def _addition_story(rng: Random, a: int, b: int) -> tuple[str, str]:
    x, y = rng.sample(NAMES, 2)
    t = rng.choice(THINGS)
    place = rng.choice(PLACES)
    shop = (f"A shop has {a} {t} and gets {b} more. How many {t} are there now?", f"There are {{}} {t} now.")
    return rng.choice([
        shop, shop, shop, shop,
        (f"A {place} has {a} {t} and gets {b} more. How many {t} are there now?", f"There are {{}} {t} now."),
        (f"{x} has {a} {t} and finds {b} more. How many {t} does {x} have now?", f"{x} has {{}} {t} now."),
        (f"{x} has {a} {t}. {y} gives {x} {b} more. How many {t} does {x} have now?", f"{x} has {{}} {t} now."),
        (f"{x} has {a} {t} and {y} has {b}. How many {t} do they have together?", f"They have {{}} {t} together."),
        (f"There are {a} {t} in a {place} and {b} in another. How many {t} are there?", f"There are {{}} {t}."),
        (f"In the morning {x} sold {a} {t}, in the evening {b}. How many {t} is that?", f"That is {{}} {t}."),
        (f"How much is {a} + {b}?", "It is {}."),
        (f"What is {a} plus {b}?", "It is {}."),
    ])


def subtraction(rng: Random, say: Voice):
    a = rng.randint(20, 99)
    b = rng.randint(2 if rng.random() < 0.2 else 10, a - 2)
    x, y = rng.sample(NAMES, 2)
    t, place = rng.choice(THINGS), rng.choice(PLACES)
    question, ending = rng.choice([
        (f"A {place} has {a} {t} and loses {b}. How many {t} are left?", f"There are {{}} {t} left."),
        (f"A shop has {a} {t} and sells {b} of them. How many {t} are left?", f"There are {{}} {t} left."),
        (f"{x} has {a} {t} and gives {b} to {y}. How many {t} does {x} still have?", f"{x} still has {{}} {t}."),
        (f"{x} had {a} {t} and lost {b}. How many {t} does {x} have left?", f"{x} has {{}} {t} left."),
        (f"How much is {a} - {b}?", "It is {}."),
        (f"What is {a} minus {b}?", "It is {}."),
    ])
    tens, rest = b // 10 * 10, a - b // 10 * 10
    steps = [
        say(f"{a} - {b}: take away the tens, {a} - {tens} = {rest}.",
            f"We take {b} from {a}. First the tens: {a} - {tens} = {rest}.",
            f"The sum is {a} - {b}. Without the tens it is {a} - {tens} = {rest}."),
        say(f"Take away the ones, {rest} - {b % 10} = {a - b}.",
            f"Then the ones: {rest} - {b % 10} = {a - b}.",
            f"Without the ones it is {rest} - {b % 10} = {a - b}."),
    ]
    return question, steps + [_close(say, ending.format(a - b))], str(a - b)


def multiplication(rng: Random, say: Voice):
    a, b = rng.randint(11, 99), rng.randint(2, 9)
    x, t = rng.choice(NAMES), rng.choice(THINGS)
    question, ending = rng.choice([
        (f"{x} has {b} boxes with {a} {t} each. How many {t} is that?", f"That is {{}} {t}."),
        (f"There are {b} bags, each with {a} {t}. How many {t} are there in all?", f"There are {{}} {t} in all."),
        (f"{x} buys {a} {t} every week. How many {t} is that after {b} weeks?", f"That is {{}} {t}."),
        (f"How much is {a} × {b}?", "It is {}."),
        (f"What is {a} times {b}?", "It is {}."),
    ])
    tens, ones = a // 10 * 10 * b, a % 10 * b
    steps = [
        say(f"{a} × {b}: the tens are {a // 10 * 10} × {b} = {tens}.",
            f"We multiply {a} by {b}. First the tens: {a // 10 * 10} × {b} = {tens}.",
            f"The sum is {a} × {b}. The tens give {a // 10 * 10} × {b} = {tens}."),
        say(f"The ones are {a % 10} × {b} = {ones}.", f"Then the ones: {a % 10} × {b} = {ones}.",
            f"The ones give {a % 10} × {b} = {ones}."),
        say(f"{tens} + {ones} = {a * b}.", f"Together: {tens} + {ones} = {a * b}.",
            f"This makes {tens} + {ones} = {a * b}."),
    ]
    return question, steps + [_close(say, ending.format(a * b))], str(a * b)


def change(rng: Random, say: Voice):
    paid = rng.choice([50, 60, 80, 100])
    price = rng.choice([n for n in range(3, paid - 10) if n % 10])
    x, t = rng.choice(NAMES), rng.choice(THINGS)
    question = rng.choice([
        f"{x} buys {t} for {price} cents and pays with {paid} cents. How much does {x} get back?",
        f"The {t} cost {price} cents. {x} pays {paid} cents. How much money does {x} get back?",
        f"{x} pays {paid} cents for {t} that cost {price} cents. What is the change?",
    ])
    up = price // 10 * 10 + 10
    steps = [
        say(f"From {price} to {up} it is {up - price}.", f"We count up: from {price} to {up} are {up - price} cents.",
            f"The price is {price}. Up to {up} it takes {up - price}."),
        say(f"From {up} to {paid} it is {paid - up}.", f"Then from {up} to {paid} are {paid - up} cents.",
            f"Up to {paid} it takes {paid - up}."),
        say(f"{paid - up} + {up - price} = {paid - price}.", f"Together: {paid - up} + {up - price} = {paid - price}.",
            f"This makes {paid - up} + {up - price} = {paid - price}."),
        _close(say, f"{x} gets back {paid - price} cents."),
    ]
    return question, steps, str(paid - price)


def parity(rng: Random, say: Voice):
    n = rng.randint(10, 999)
    word = "odd" if n % 2 else "even"
    question = rng.choice([f"Is {n} even or odd?", f"Is the number {n} odd or even?", f"Tell me if {n} is even or odd."])
    steps = [
        say(f"The last digit of {n} is {n % 10}.", f"We look at the end of {n}: the last digit is {n % 10}.",
            f"The number {n} ends in {n % 10}."),
        say(f"The digit {n % 10} is {word}.", f"We know that {n % 10} is {word}.", f"And {n % 10} is {word}."),
        _close(say, f"The number {n} is {word}."),
    ]
    return question, steps, word
