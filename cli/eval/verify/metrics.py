"""Computes ROUGE-L with rouge-score and BLEU with sacrebleu over pairs of texts of the shared files.

The output holds no text of those files: each pair says where its texts are. `tests/verified/main.rs` reads it and compares.

    pip install rouge-score==0.1.2 sacrebleu==2.6.0
    python cli/eval/verify/metrics.py --data ../shared/data --out cli/eval/tests/verified/expected.jsonl
"""

import argparse
import json
import re
from pathlib import Path
from random import Random

import sacrebleu
from rouge_score import rouge_scorer

# Texts that real data seldom has. They are our own, so they may stand in the output.
ODD = [
    "", " ", "\n\n", ".", "a", "A", "the", "the the the the the", "The cat sat on the mat.", "the cat sat on the mat",
    "The cat, the cat; THE CAT!", "3.14 and 3,000 - 2-3", "3. Then 4, then 5.", "it's a well-known fact", "x-\ny", "a\tb\u00a0c",
    "&quot;Tom &amp; Jerry&quot; &lt;3", "<skipped>gone</skipped>", "naïve café Straße", "ПРИВЕТ мир", "😀 😀 ok", "f(x) = {x^2} / [y]",
    "\u2014 a dash\u2026 and \u201cquotes\u201d", "\x1cfile\x1dseparator", "İstanbul K", "one two three four five six seven eight nine ten",
    "ten nine eight seven six five four three two one", "a,b.c,d.e", "..,,..", "1..2,,3", "100%", "don't",
]
ODD_CHINESE = [
    "", "床前明月光，疑是地上霜。", "床前明月光", "明月光床前", "床床床床", "他说：“好的。”", "3.14，约等于3", "共１２个ＡＢ", "AI模型v2很好", "日本語とカタカナ",
    "한국어 문장", "𠀀𠀁 ext B", "（一）二", "——破折号——", "、。〈〉", "a b 中文 c d", "①②③ ㊀", "—\u2014\u2003宽 空格", "☀☂ 天气",
]
CJK = "\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0002fa1f"


class Characters:
    """Each CJK character and each run of ASCII letters and digits is a token."""

    def tokenize(self, text):
        return re.findall(f"[a-z0-9]+|[{CJK}]", text.lower())


ENGLISH_ROUGE = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)
CHINESE_ROUGE = rouge_scorer.RougeScorer(["rougeL"], tokenizer=Characters())


def expected(hypothesis: str, references: list[str], chinese: bool) -> dict:
    rouge = (CHINESE_ROUGE if chinese else ENGLISH_ROUGE).score_multi(references, hypothesis)["rougeL"].fmeasure
    bleu = sacrebleu.sentence_bleu(hypothesis, references, tokenize="zh" if chinese else "13a").score / 100
    return {"rouge_l": rouge, "bleu": bleu}


class Folder:
    """Places in the files: a line of a text file, or a field of a line by its JSON pointer."""

    def __init__(self, path: Path):
        self.path = path
        self.lines: dict[str, list[str]] = {}

    def read(self, file: str) -> list[str]:
        if file not in self.lines:
            self.lines[file] = (self.path / file).read_text(encoding="utf-8").split("\n")
        return self.lines[file]

    def text(self, place: dict) -> str:
        if "text" in place:
            return place["text"]
        value = self.read(place["file"])[place["line"] - 1]
        if "field" in place:
            value = json.loads(value)
            for key in place["field"].split("/")[1:]:
                value = value[int(key)] if isinstance(value, list) else value[key]
        return value

    def places(self, file: str, field: str | None, count: int, longest: int = 2500) -> list[dict]:
        """The first places that hold a text that is not blank."""
        places = []
        for number, line in enumerate(self.read(file), 1):
            place = {"file": file, "line": number} | ({"field": field} if field else {})
            if not line.strip():
                continue
            try:
                text = self.text(place)
            except (KeyError, IndexError):
                continue
            if text.strip() and len(text) <= longest and len(places) < count:
                places.append(place)
        return places


def pairs(folder: Folder, rng: Random):
    """Yields (hypothesis, references, chinese) as places."""
    english = [
        folder.places("gsm8k_test.jsonl", "/answer", 60), folder.places("gsm8k_test.jsonl", "/question", 40),
        folder.places("tinystories_sample.txt", None, 100), folder.places("mt_bench_question.jsonl", "/reference/0", 30),
        folder.places("ifeval_input_data.jsonl", "/prompt", 40), folder.places("mmlu_test_570.jsonl", "/question", 30),
    ]
    chinese = [folder.places("tang_poetry_500.jsonl", "/content", 120), folder.places("tang_poetry_500.jsonl", "/title", 30)]
    for group, is_chinese in [(group, False) for group in english] + [(group, True) for group in chinese]:
        for hypothesis, reference in zip(group, group[1:]):
            yield hypothesis, [reference], is_chinese
        yield group[0], [group[0]], is_chinese
        for _ in range(10):
            yield rng.choice(group), rng.sample(group, 3), is_chinese
    for texts, is_chinese in [(ODD, False), (ODD_CHINESE, True)]:
        odd = [{"text": text} for text in texts]
        for hypothesis, reference in zip(odd, odd[1:] + odd[:1]):
            yield hypothesis, [reference], is_chinese
            yield hypothesis, [hypothesis], is_chinese
            yield hypothesis, rng.sample(odd, 3), is_chinese
    # Each tokenizer also meets the other language.
    for _ in range(15):
        yield rng.choice(english[2]), [rng.choice(chinese[0])], True
        yield rng.choice(chinese[0]), [rng.choice(english[0])], False


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the shared files")
    parser.add_argument("--out", type=Path, required=True, help="where the JSON Lines go")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    folder = Folder(args.data)
    lines, corpora = [], {False: ([], []), True: ([], [])}
    for hypothesis, references, chinese in pairs(folder, Random(args.seed)):
        texts = folder.text(hypothesis), [folder.text(reference) for reference in references]
        lines.append({"hypothesis": hypothesis, "references": references, "chinese": chinese} | expected(*texts, chinese))
        if len(references) == 1:
            corpora[chinese][0].append(texts[0])
            corpora[chinese][1].append(texts[1][0])
    for chinese, (hypotheses, references) in corpora.items():
        bleu = sacrebleu.corpus_bleu(hypotheses, [references], tokenize="zh" if chinese else "13a").score / 100
        lines.append({"corpus": "all pairs above with one reference", "chinese": chinese, "bleu": bleu})
    with args.out.open("w", encoding="utf-8") as out:
        for line in lines:
            out.write(json.dumps(line, separators=(",", ":")) + "\n")
    print(f"{len(lines)} lines")


if __name__ == "__main__":
    main()
