"""Measures how often each member alone answers right, by kind, on a question set.

    python models/recipe/evaluate.py --models models --questions models/questions/held-out.jsonl

Greedy decoding. An answer is right if what its last sentence gives as the answer is the expected result, exactly.
"""

import argparse
import json
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

LONGEST = 200
AT_ONCE = 50


def result(answer: str) -> str | None:
    found = re.search(r"answer is ([^.]+)[.]?$", answer.strip())
    return found[1] if found else None


def right(item: Item, answer: str) -> bool:
    return result(answer) == item.key


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


def accuracy(member: Member, tok: Tokenizer, model: torch.nn.Module, items: list[Item]) -> dict[str, float]:
    """The share of right answers of each kind, kinds in the order of the items."""
    shares = {}
    for kind in dict.fromkeys(item.kind for item in items):
        asked = [item for item in items if item.kind == kind]
        answers = []
        for start in range(0, len(asked), AT_ONCE):
            answers += answer(member, tok, model, asked[start : start + AT_ONCE])
        shares[kind] = sum(right(i, a) for i, a in zip(asked, answers)) / len(asked)
    return shares


def drawn(seed: int, count: int) -> list[Item]:
    """Questions for a look at a member in training: of its kinds, but of neither question set."""
    rng = Random(f"progress {seed}")
    return [questions.draw(rng, kind) for kind in questions.ASKED for _ in range(count)]


def read(path: Path) -> list[Item]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [Item(row["kind"], row["question"], "", row["answer"]) for row in rows]


def line(result: dict[str, float]) -> str:
    return " ".join(f"{kind} {share:.0%}" for kind, share in result.items())


def load(folder: Path) -> tuple[Tokenizer, torch.nn.Module]:
    """Eager attention is the one that honours Gemma's soft cap."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    return Tokenizer.from_file(str(folder / "tokenizer.json")), model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--questions", type=Path, default=Path("models/questions/held-out.jsonl"))
    parser.add_argument("--member", choices=list(MEMBERS), action="append")
    args = parser.parse_args()
    items, table = read(args.questions), {}
    torch.set_num_threads(1)
    for name in args.member or MEMBERS:
        tok, model = load(args.models / name)
        table[name] = accuracy(MEMBERS[name], tok, model, items)
        table[name]["all"] = sum(table[name][item.kind] for item in items) / len(items)
    print("| kind | " + " | ".join(table) + " |")
    print("|---" * (len(table) + 1) + "|")
    for kind in next(iter(table.values())):
        print(f"| {kind} | " + " | ".join(f"{100 * table[n][kind]:.1f}" for n in table) + " |")


if __name__ == "__main__":
    main()
