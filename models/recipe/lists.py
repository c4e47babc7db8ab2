"""Owns the questions about order and letters: sorting, comparing, spelling, reversing, repeating."""

from random import Random

from voice import Voice
from words import DAYS, MONTHS, NAMES, PLACES, SPELLING, THINGS


def sorting(rng: Random, say: Voice):
    row = [10 * tens + rng.randrange(10) for tens in rng.sample(range(1, 10), rng.randint(3, 5))]
    down = rng.random() < 0.3
    ordered = sorted(row, reverse=down)
    first, then = ("largest", "smallest") if down else ("smallest", "largest")
    shown, result = ", ".join(map(str, row)), ", ".join(map(str, ordered))
    question = rng.choice([
        f"Sort these numbers from {first} to {then}: {shown}.",
        f"Put {shown} in order from {first} to {then}.",
        f"Write the numbers {shown} from {first} to {then}.",
    ])
    middle = " and ".join(map(str, ordered[1:-1]))
    steps = [
        say(f"The {first} number is {ordered[0]}.", f"We start with the {first}: {ordered[0]}.",
            f"The row begins with {ordered[0]}, the {first}."),
        say(f"Next come {middle}.", f"Then we take {middle}.", f"After that we find {middle}."),
        say(f"The {then} number is {ordered[-1]}.", f"At the end is {ordered[-1]}.", f"The row stops with {ordered[-1]}."),
        say(f"In order: {result}.", f"So the order is {result}.", f"That means the row is {result}."),
    ]
    return question, steps, result


def comparison(rng: Random, say: Voice):
    a = rng.randint(10, 99)
    near = [n for n in range(a // 10 * 10, a // 10 * 10 + 10) if n != a]
    b = rng.choice(near) if rng.random() < 0.4 else rng.choice([n for n in range(10, 100) if n != a])
    want = rng.choice(["larger", "smaller"])
    question = rng.choice([
        f"Which number is {want}, {a} or {b}?", f"Which is {want}: {a} or {b}?", f"Is {a} or {b} the {want} number?",
    ])
    result = max(a, b) if want == "larger" else min(a, b)
    steps = [say(f"The tens are {a // 10} and {b // 10}.", f"We look at the tens: {a // 10} and {b // 10}.",
                 f"The numbers begin with {a // 10} and {b // 10}.")]
    p, q = a // 10, b // 10
    if p == q:
        p, q = a % 10, b % 10
        steps.append(say(f"They are equal. The ones are {p} and {q}.", f"They are the same, so we look at the ones: {p} and {q}.",
                         f"No difference there. The numbers end with {p} and {q}."))
    word = "more" if p > q else "less"
    steps.append(say(f"{p} is {word} than {q}.", f"We see that {p} is {word} than {q}.", f"And {p} is {word} than {q}."))
    steps.append(say(f"The {want} number is {result}.", f"So the {want} number is {result}.",
                     f"That means the {want} number is {result}."))
    return question, steps, str(result)


def spelling(rng: Random, say: Voice):
    word = rng.choice(SPELLING)
    letters = ", ".join(word)
    question = rng.choice([
        f'Spell the word "{word}".', f'How do you spell "{word}"?', f'Write the word "{word}" letter by letter.',
    ])
    steps = [
        say(f'The word "{word}" has {len(word)} letters.', f'We spell "{word}" with {len(word)} letters.',
            f'There are {len(word)} letters in "{word}".'),
        say(f"The letters are {letters}.", f"So the letters are {letters}.", f"It is spelled {letters}."),
    ]
    return question, steps, letters


def reversal(rng: Random, say: Voice):
    word = rng.choice(SPELLING)
    letters, backwards = ", ".join(word), ", ".join(reversed(word))
    question = rng.choice([
        f'Spell the word "{word}" backwards.', f'What is "{word}" backwards?', f'Write "{word}" from the last letter to the first.',
    ])
    steps = [
        say(f"The letters are {letters}.", f"First we spell it: {letters}.", f"It is spelled {letters}."),
        say(f"The last letter is {word[-1]}.", f"We start at the end with {word[-1]}.", f"It ends with {word[-1]}."),
        say(f"Backwards it is {backwards}.", f"So backwards it is {backwards}.", f"From the end it is {backwards}."),
    ]
    return question, steps, backwards


def repetition(rng: Random, say: Voice):
    """Asked for little by people, but the quickest way for a model to learn to copy from a question."""
    words = NAMES + THINGS + PLACES + DAYS + list(MONTHS) + SPELLING
    row = [str(rng.randint(0, 999)) if rng.random() < 0.5 else rng.choice(words) for _ in range(rng.randint(2, 5))]
    shown = " ".join(row)
    question = rng.choice([f"Repeat this: {shown}.", f"Say this again: {shown}.", f"Copy these words: {shown}."])
    return question, [say(f"Here it is: {shown}.", f"You said: {shown}.", f"Again: {shown}.")], shown
