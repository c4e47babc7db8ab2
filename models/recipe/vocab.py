"""Owns the tokenizers, each of its own kind, trained on the recipe's text.

They disagree on where words split, as published families do, but all keep every digit a token of its own
(sums are learned digit by digit) and all give back any UTF-8 text they are given.
"""

import json
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

GPT4_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# Of GPT-4's successor: a word may begin with one capital letter or be written in capitals, and no more.
GPT4O_SPLIT = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPLITS = {"gpt4": GPT4_SPLIT, "gpt4o": GPT4O_SPLIT}


def byte_level(texts: list[str], size: int, specials: list[str], style: str) -> Tokenizer:
    """Byte-level BPE with the special tokens last: `gpt4` and `gpt4o` split by one regex, `gpt2` splits digits and then words."""
    tok = Tokenizer(models.BPE())
    if style in SPLITS:
        tok.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Split(Regex(SPLITS[style]), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ])
    else:
        tok.normalizer = normalizers.NFC()
        tok.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ])
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=size - len(specials),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    ))
    tok.add_special_tokens(specials)
    return tok


def byte_fallback(texts: list[str], size: int, specials: list[str], prepend: bool) -> Tokenizer:
    """BPE over characters with ▁ for the space and <0xNN> for unseen characters; the special tokens come first.

    With `prepend` every text begins with a ▁, as Mistral's do; without, as Gemma's. The training splits at ▁ and at digits.
    The finished tokenizer needs no split: no merge crosses one.
    """
    tok = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    spaces = normalizers.Replace(" ", "▁")
    tok.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), spaces]) if prepend else spaces
    tok.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split("▁", "merged_with_next"),
        pre_tokenizers.Digits(individual_digits=True),
    ])
    byte_tokens = [f"<0x{b:02X}>" for b in range(256)]
    tok.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=size, special_tokens=specials + byte_tokens, show_progress=False,
    ))
    spec = json.loads(tok.to_str())
    spec["pre_tokenizer"] = None
    spec["added_tokens"] = [t for t in spec["added_tokens"] if t["content"] in specials]
    tok = Tokenizer.from_str(json.dumps(spec))
    parts = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    tok.decoder = decoders.Sequence(parts + [decoders.Strip(" ", 1, 0)] if prepend else parts)
    return tok


def save(tok: Tokenizer, folder: Path) -> None:
    tok.no_truncation()
    tok.no_padding()
    tok.save(str(folder / "tokenizer.json"))
