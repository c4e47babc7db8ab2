"""Measures how often each member alone answers right, by kind, on questions drawn from a seed training never used.

    python models/recipe/evaluate.py --models models --count 200

An answer is right if its last sentence holds the expected result (greedy decoding).
"""

import argparse
import re
from pathlib import Path
from random import Random

import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

import questions
from batches import Prompter
from members import MEMBERS, Member
from voice import Item

LONGEST = 110


def right(item: Item, answer: str) -> bool:
    last = re.split(r"(?<=[.?!]) ", answer.strip())[-1]
    return re.search(rf"(?<!\w){re.escape(item.key)}(?!\w)(?!, \w)", last) is not None


@torch.no_grad()
def continuations(model: torch.nn.Module, rows: list[list[int]], ends: list[int], longest: int) -> list[list[int]]:
    """What the model adds to each row, greedily; an end of turn, if one came, is the last id."""
    width = max(map(len, rows))
    ids = torch.tensor([[0] * (width - len(r)) + r for r in rows])
    mask = torch.tensor([[0] * (width - len(r)) + [1] * len(r) for r in rows])
    out = model.generate(
        input_ids=ids, attention_mask=mask, max_new_tokens=longest, do_sample=False, eos_token_id=ends, pad_token_id=0)
    added = []
    for new in out[:, width:].tolist():
        stop = next((i + 1 for i, token in enumerate(new) if token in ends), len(new))
        added.append(new[:stop])
    return added


def answer(member: Member, tok: Tokenizer, model: torch.nn.Module, items: list[Item]) -> list[str]:
    prompter = Prompter(member)
    rows = [tok.encode(prompter(i), add_special_tokens=False).ids for i in items]
    ends = [tok.token_to_id(t) for t in member.ends]
    return [tok.decode(new) for new in continuations(model, rows, ends, LONGEST)]


def accuracy(member: Member, tok: Tokenizer, model: torch.nn.Module, count: int, seed: int) -> dict[str, float]:
    result = {}
    for kind in questions.KINDS:
        rng = Random(f"held out {kind} {seed}")
        items = [questions.draw(rng, kind) for _ in range(count)]
        answers = answer(member, tok, model, items)
        result[kind] = sum(right(i, a) for i, a in zip(items, answers)) / count
    return result


def line(result: dict[str, float]) -> str:
    return " ".join(f"{kind} {share:.0%}" for kind, share in result.items())


def load(folder: Path) -> tuple[Tokenizer, torch.nn.Module]:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    return Tokenizer.from_file(str(folder / "tokenizer.json")), model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--member", choices=list(MEMBERS), action="append")
    parser.add_argument("--count", type=int, default=200, help="questions of each kind")
    parser.add_argument("--seed", type=int, default=1000)
    args = parser.parse_args()
    table = {}
    torch.set_num_threads(1)
    for name in args.member or MEMBERS:
        tok, model = load(args.models / name)
        table[name] = accuracy(MEMBERS[name], tok, model, args.count, args.seed)
    print("| kind | " + " | ".join(table) + " |")
    print("|---" * (len(table) + 1) + "|")
    for kind in questions.KINDS:
        print(f"| {kind} | " + " | ".join(f"{100 * table[n][kind]:.1f}" for n in table) + " |")


if __name__ == "__main__":
    main()
