"""Makes one Llama model in the two layouts that the peers read: a Hugging Face folder, and a GGUF file for each precision.

The values are the same in all of them: bf16, which F32 and BF16 files hold exactly, F16 but for the smallest, and Q8_0 as quantised by
`gguf`.
"""
import json
import math
from collections.abc import Iterator
from pathlib import Path

import gguf
import torch
from safetensors.torch import load_file, save_file

Config = dict
Weights = dict[str, torch.Tensor]
KINDS = {"bf16": gguf.GGMLQuantizationType.BF16, "f16": gguf.GGMLQuantizationType.F16, "f32": gguf.GGMLQuantizationType.F32,
         "q8_0": gguf.GGMLQuantizationType.Q8_0}


def read_config(path: Path) -> Config:
    """Of a plain Llama, with every default written out and no end of turn: random text should not stop early."""
    config = json.loads(path.read_text())
    rope = config.pop("rope_parameters", None) or config.pop("rope_scaling", None) or {}
    kind = rope.get("rope_type", rope.get("type", "default"))
    if config.get("model_type") != "llama" or kind != "default" or config.get("attention_bias") or config.get("mlp_bias"):
        raise ValueError(f"{path}: only model_type llama without rope scaling and without biases can be compared")
    config.setdefault("head_dim", config["hidden_size"] // config["num_attention_heads"])
    config.setdefault("num_key_value_heads", config["num_attention_heads"])
    config.setdefault("rope_theta", rope.get("rope_theta", 10000.0))
    config.setdefault("rms_norm_eps", 1e-6)
    config.setdefault("tie_word_embeddings", False)
    config.pop("eos_token_id", None)
    return config


def read_weights(folder: Path) -> Weights:
    weights: Weights = {}
    for path in sorted(folder.glob("*.safetensors")):
        weights |= {name: tensor.bfloat16() for name, tensor in load_file(path).items()}
    return weights


def random_weights(config: Config, seed: int) -> Weights:
    """So scaled that every layer changes the hidden state by about its own size: a wrong one changes the logits."""
    generator = torch.Generator().manual_seed(seed)
    weights: Weights = {}
    for name, shape in shapes(config):
        tensor = torch.randn(shape, generator=generator)
        weights[name] = (1 + tensor / 10 if len(shape) == 1 else tensor / math.sqrt(shape[1])).bfloat16()
    return weights


def shapes(config: Config) -> Iterator[tuple[str, tuple[int, ...]]]:
    hidden, inner, width = config["hidden_size"], config["intermediate_size"], config["head_dim"]
    query, key = config["num_attention_heads"] * width, config["num_key_value_heads"] * width
    yield "model.embed_tokens.weight", (config["vocab_size"], hidden)
    for layer in (f"model.layers.{index}." for index in range(config["num_hidden_layers"])):
        for name, shape in (("q", (query, hidden)), ("k", (key, hidden)), ("v", (key, hidden)), ("o", (hidden, query))):
            yield f"{layer}self_attn.{name}_proj.weight", shape
        for name, shape in (("gate", (inner, hidden)), ("up", (inner, hidden)), ("down", (hidden, inner))):
            yield f"{layer}mlp.{name}_proj.weight", shape
        yield layer + "input_layernorm.weight", (hidden,)
        yield layer + "post_attention_layernorm.weight", (hidden,)
    yield "model.norm.weight", (hidden,)
    if not config["tie_word_embeddings"]:
        yield "lm_head.weight", (config["vocab_size"], hidden)


def write_folder(folder: Path, config: Config, weights: Weights) -> None:
    """With a tokenizer whose words are token ids, so that a prompt is "t17 t4" and an answer can be read back."""
    words = {f"t{index}": index for index in range(config["vocab_size"])}
    tokenizer = dict(version="1.0", truncation=None, padding=None, added_tokens=[], normalizer=None, post_processor=None, decoder=None,
                     pre_tokenizer=dict(type="WhitespaceSplit"), model=dict(type="WordLevel", vocab=words, unk_token="t0"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "config.json").write_text(json.dumps(config))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def write_gguf(path: Path, config: Config, weights: Weights, precision: str) -> None:
    """Matrices in that precision, norms in f32; no vocabulary, since token ids are all that is given to it."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("none")
    writer.add_vocab_size(config["vocab_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config["num_hidden_layers"])
    for name, tensor in weights.items():
        kind = KINDS["f32"] if tensor.dim() == 1 else KINDS[precision]
        tensor = interleaved(name, tensor, config["head_dim"]).contiguous()
        # What is bf16 already is written as it is.
        values = tensor.view(torch.uint8).numpy() if kind == KINDS["bf16"] else gguf.quants.quantize(tensor.float().numpy(), kind)
        writer.add_tensor(names.get_name(name, (".weight",)), values, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def interleaved(name: str, tensor: torch.Tensor, head_dim: int) -> torch.Tensor:
    """llama.cpp rotates neighbouring dimensions, transformers the two halves of a head: the rows of query and key move accordingly."""
    if ".q_proj." not in name and ".k_proj." not in name:
        return tensor
    return tensor.reshape(-1, 2, head_dim // 2, tensor.shape[1]).swapaxes(1, 2).reshape(tensor.shape)
