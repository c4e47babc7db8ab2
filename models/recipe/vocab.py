"""Owns the three tokenizers, each of its own kind, trained on the recipe's text.

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


def byte_level(texts: list[str], size: int, specials: list[str], style: str) -> Tokenizer:
    """Byte-level BPE with the special tokens last: `gpt4` splits by one regex, `gpt2` splits digits and then words."""
    tok = Tokenizer(models.BPE())
    if style == "gpt4":
        tok.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Split(Regex(GPT4_SPLIT), "isolated"),
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


def byte_fallback(texts: list[str], size: int, specials: list[str]) -> Tokenizer:
    """BPE over characters with ▁ for the space and <0xNN> for unseen characters; the special tokens come first.

    The training splits at ▁ and at digits. The finished tokenizer needs no split: no merge crosses one.
    """
    tok = Tokenizer(models.BPE(unk_token=specials[0], byte_fallback=True, fuse_unk=True))
    tok.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
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
    tok.decoder = decoders.Sequence([
        decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0),
    ])
    return tok


def save(tok: Tokenizer, folder: Path) -> None:
    tok.no_truncation()
    tok.no_padding()
    tok.save(str(folder / "tokenizer.json"))
