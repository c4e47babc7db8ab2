"""Owns the questions about words: spelling, reversing, and repeating. Most words to spell are made up."""

from random import Random

from voice import Voice
from words import DAYS, MONTHS, NAMES, PLACES, SPELLING, THINGS

MADE_UP = 0.6


def _word(rng: Random) -> str:
    if rng.random() >= MADE_UP:
        return rng.choice(SPELLING)
    letters = "".join(rng.choice("bdfgklmnprstvz") + rng.choice("aeiou") for _ in range(3))
    return letters[: rng.randint(5, 6)]


def spelling(rng: Random, say: Voice):
    word = _word(rng)
    letters, numbered = ", ".join(word), _numbered(word)
    question = rng.choice([
        f'Spell the word "{word}".', f'How do you spell "{word}"?', f'Write the word "{word}" letter by letter.',
    ])
    steps = [
        say(f"It begins with {word[0]} and ends with {word[-1]}.", f"We see first {word[0]}, and at the end {word[-1]}.",
            f"The first letter is {word[0]}, the last one {word[-1]}."),
        say(f"The letters are {numbered}.", f"We count the letters: {numbered}.", f"It is spelled {numbered}."),
        say(f"There are {len(word)} letters.", f"We find {len(word)} letters.", f"That makes {len(word)} letters."),
        say.close(letters),
    ]
    return question, steps, letters


def reversal(rng: Random, say: Voice):
    word = _word(rng)
    backwards, numbered = ", ".join(reversed(word)), _numbered(word)
    down = ", ".join(reversed(numbered.split(", ")))
    question = rng.choice([
        f'Spell the word "{word}" backwards.', f'What is "{word}" backwards?', f'Write "{word}" from the last letter to the first.',
    ])
    steps = [
        say(f"The letters are {numbered}.", f"First we spell it: {numbered}.", f"It is spelled {numbered}."),
        say(f"From the end they are {down}.", f"We count down: {down}.", f"Going back it is {down}."),
        say.close(backwards),
    ]
    return question, steps, backwards


def _numbered(word: str) -> str:
    return ", ".join(f"{i} {letter}" for i, letter in enumerate(word, 1))


def repetition(rng: Random, say: Voice):
    """Asked for little by people, but the quickest way for a model to learn to copy from a question."""
    words = NAMES + THINGS + PLACES + DAYS + list(MONTHS) + SPELLING
    row = [str(rng.randint(0, 999)) if rng.random() < 0.5 else rng.choice(words) for _ in range(rng.randint(2, 5))]
    shown = " ".join(row)
    question = rng.choice([f"Repeat this: {shown}.", f"Say this again: {shown}.", f"Copy these words: {shown}."])
    return question, [say.close(shown)], shown
