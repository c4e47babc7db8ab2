"""Writes the question sets: held-out questions, and others to choose settings with. Both are of the reserved eighth.

    python models/recipe/sets.py --out models/questions
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import questions

# Questions of each kind.
SETS = {"held-out": 50, "development": 20}
TRAINING_DRAWS = 20_000


def rows(name: str, taken: set[str]) -> Iterator[dict[str, str]]:
    """The set's questions; none of them is in `taken`, which they join."""
    for kind in questions.ASKED:
        rng, number = Random(f"question set {name} {kind}"), 0
        while number < SETS[name]:
            item = questions.draw(rng, kind, held_out=True)
            if item.question in taken:
                continue
            taken.add(item.question)
            number += 1
            yield {"id": f"{kind}-{number:04}", "kind": kind, "question": item.question, "answer": item.key}


def check(taken: set[str]) -> None:
    """Training draws no reserved question, whatever its seed: seen in the rule, and in draws."""
    unreserved = [question for question in taken if not questions.reserved(question)]
    rng = Random("check")
    kinds = list(questions.ASKED)
    drawn = {questions.draw(rng, rng.choice(kinds)).question for _ in range(TRAINING_DRAWS)}
    if unreserved or drawn & taken:
        raise SystemExit(f"training may ask {unreserved or drawn & taken}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("models/questions"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    taken: set[str] = set()
    for name in SETS:
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(name, taken))
        (args.out / f"{name}.jsonl").write_text(text, encoding="utf-8")
    check(taken)
    print(f"{len(taken)} questions, none of which training draws")


if __name__ == "__main__":
    main()
