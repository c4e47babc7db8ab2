"""Owns the published layout: what files a member's folder holds and what stands in them."""

import copy
import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

import vocab
from members import Member


def full_config(member: Member, tok: Tokenizer) -> dict:
    ends = [tok.token_to_id(t) for t in member.ends]
    bos = tok.token_to_id(member.bos) if member.bos else None
    size = tok.get_vocab_size()
    return copy.deepcopy(member.config) | {"vocab_size": size, "bos_token_id": bos, "eos_token_id": ends[0]}


def write(member: Member, tok: Tokenizer, model: torch.nn.Module, out: Path) -> Path:
    folder = out / member.name
    folder.mkdir(parents=True, exist_ok=True)
    config = full_config(member, tok)
    _dump(folder / "config.json", config)
    ends = [tok.token_to_id(t) for t in member.ends]
    generation = {"eos_token_id": ends if len(ends) > 1 else ends[0], "do_sample": False}
    if config["bos_token_id"] is not None:
        generation["bos_token_id"] = config["bos_token_id"]
    _dump(folder / "generation_config.json", generation)
    _dump(folder / "tokenizer_config.json", _tokenizer_config(member))
    if member.template_file:
        (folder / "chat_template.jinja").write_text(member.template, encoding="utf-8")
    vocab.save(tok, folder)
    weights = {
        name: tensor.detach().to(torch.bfloat16).contiguous()
        for name, tensor in model.state_dict().items()
        if not (name == "lm_head.weight" and config["tie_word_embeddings"])
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)
    return folder


def _tokenizer_config(member: Member) -> dict:
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": member.bos, "eos_token": member.ends[0], "unk_token": member.unk,
        "add_bos_token": False, "clean_up_tokenization_spaces": False, "model_max_length": 1024,
    }
    if not member.template_file:
        config["chat_template"] = member.template
    return config


def _dump(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
