"""Owns the way from questions to token batches: the chat rendering, and batches of examples of like length.

An example is the rendered question, then the answer in its own encoding, then the end of the turn: just what a
member sees when it continues an answer that others began.
"""

import itertools
from collections.abc import Iterator
from random import Random

import torch
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

import mixture
import questions
from members import Member
from voice import Item

POOL = 2048
TEXTS = 12000
COPY_POOLS = 2


class Prompter:
    """Renders an item's question through the member's chat template."""

    def __init__(self, member: Member):
        self.template = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True).from_string(member.template)
        self.names = {"bos_token": member.bos, "eos_token": member.ends[0]}

    def __call__(self, item: Item) -> str:
        messages = [{"role": "user", "content": item.question}]
        if item.system:
            messages.insert(0, {"role": "system", "content": item.system})
        return self.template.render(messages=messages, add_generation_prompt=True, **self.names)


def tokenizer_texts(seed: int) -> list[str]:
    """What every tokenizer is trained on: all kinds, evenly, and the role names that templates write."""
    rng = Random(seed)
    items = [questions.draw(rng, rng.choice(list(questions.KINDS))) for _ in range(TEXTS)]
    roles = ["user", "assistant", "system", "model"] * 500
    return roles + [text for item in items for text in (item.question, item.answer)]


def batches(member: Member, tok: Tokenizer, seed: int, tokens: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yields (ids, targets) without end; a target of -100 carries no loss. Pads stand right of the end of the turn.

    Copying is learned first: half of the first pools' questions ask for a repetition.
    """
    rng = Random(f"{member.name} {seed}")
    prompter = Prompter(member)
    end = tok.token_to_id(member.ends[0])
    for pool in itertools.count():
        mix = mixture.weights(member, copying_first=pool < COPY_POOLS)
        items = [mixture.draw(rng, member, mix) for _ in range(POOL)]
        prompts = tok.encode_batch([prompter(i) for i in items], add_special_tokens=False)
        answers = tok.encode_batch([i.answer for i in items], add_special_tokens=False)
        rows = sorted(((p.ids, a.ids + [end]) for p, a in zip(prompts, answers)), key=lambda r: len(r[0]) + len(r[1]))
        groups, group = [], []
        for row in rows:
            if group and (len(group) + 1) * (len(row[0]) + len(row[1])) > tokens:
                groups.append(group)
                group = []
            group.append(row)
        groups.append(group)
        rng.shuffle(groups)
        yield from (_pad(g) for g in groups)


def _pad(rows: list[tuple[list[int], list[int]]]) -> tuple[torch.Tensor, torch.Tensor]:
    width = max(len(p) + len(a) for p, a in rows) - 1
    width += -width % 8
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    targets = torch.full((len(rows), width), -100)
    for i, (prompt, answer) in enumerate(rows):
        whole = torch.tensor(prompt + answer)
        ids[i, : len(whole) - 1] = whole[:-1]
        targets[i, len(prompt) - 1 : len(whole) - 1] = whole[len(prompt):]
    return ids, targets
