"""Makes golden logits of tiny random checkpoints, one folder for each family, switch and spelling of config.json.

    pip install torch transformers          (made with transformers 5.23)
    python tests/golden/logits.py FOLDER    (writes FOLDER/logits/<case>/)
    SPECFUSE_GOLDEN=FOLDER cargo test --release golden_logits

Each case holds a checkpoint (config.json, model.safetensors), case.json (the ids) and logits.safetensors: the output of transformers'
own model at every position, in one pass, in f32 with eager attention.
"""
import json
import math
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText

LENGTH = 48
SMALL = dict(vocab_size=320, hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=256, bos_token_id=1, eos_token_id=2, pad_token_id=0)
THETA = 1e4
LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64)
LINEAR = dict(rope_type="linear", factor=4.0)
ALTERNATING = ["full_attention", "sliding_attention", "full_attention"]


def longrope(pairs, kind="longrope", **more):
    short = [1.0 + 0.05 * pair for pair in range(pairs)]
    return dict(rope_type=kind, short_factor=short, long_factor=[1.5 + 0.6 * pair for pair in range(pairs)], **more)


def nested(full, sliding):
    return dict(full_attention=full, sliding_attention=sliding)


def rope(kind="default", theta=THETA, **more):
    return dict(rope_type=kind, rope_theta=theta, **more)


# name: (model_type, changes to SMALL). A change to None is written as null; ABSENT leaves the field to the family's default.
ABSENT = object()
CASES = {
    "llama-new": ("llama", dict(rope_parameters=rope(theta=5e5))),
    "llama-old-llama3": ("llama", dict(rope_theta=5e5, rope_scaling=LLAMA3)),
    "llama-new-llama3-head-dim": ("llama", dict(head_dim=24, rope_parameters=dict(LLAMA3, rope_theta=5e5))),
    "llama-old-linear-tied": ("llama", dict(rope_scaling=dict(type="linear", factor=4.0), tie_word_embeddings=True)),
    "llama-biases-no-gqa": ("llama", dict(attention_bias=True, mlp_bias=True, num_key_value_heads=None)),
    "llama-gelu": ("llama", dict(hidden_act="gelu")),
    "llama-longrope": ("llama", dict(rope_scaling=longrope(8, original_max_position_embeddings=24))),
    "llama-defaults": ("llama", dict(num_key_value_heads=ABSENT, rms_norm_eps=ABSENT)),
    "mistral-window": ("mistral", dict(sliding_window=12, head_dim=32)),
    "mistral-no-window": ("mistral", dict(sliding_window=None, rope_theta=1e6)),
    "mistral-default-window": ("mistral", dict(sliding_window=ABSENT)),
    "qwen2-old": ("qwen2", dict(rope_theta=1e6, tie_word_embeddings=True)),
    "qwen2-windows": ("qwen2", dict(use_sliding_window=True, sliding_window=8, max_window_layers=1)),
    "qwen2-layer-types": ("qwen2", dict(use_sliding_window=True, sliding_window=8, layer_types=ALTERNATING)),
    "qwen3-head-dim": ("qwen3", dict(head_dim=32, rope_parameters=rope(theta=1e6))),
    "qwen3-tied-bias-windows": ("qwen3", dict(head_dim=16, attention_bias=True, tie_word_embeddings=True,
                                              use_sliding_window=True, sliding_window=8, max_window_layers=2)),
    "qwen3-default-head-dim": ("qwen3", dict(head_dim=ABSENT, rope_scaling=dict(LINEAR))),
    "gemma2": ("gemma2", dict(head_dim=32, query_pre_attn_scalar=24, sliding_window=12, attn_logit_softcapping=5.0,
                              final_logit_softcapping=10.0)),
    "gemma2-no-caps-untied": ("gemma2", dict(head_dim=16, sliding_window=12, attn_logit_softcapping=None, rope_theta=500.0,
                                             final_logit_softcapping=None, tie_word_embeddings=False)),
    "gemma2-defaults": ("gemma2", dict(head_dim=ABSENT, attention_bias=True, layer_types=["full_attention"] * 3)),
    "gemma3-old": ("gemma3_text", dict(head_dim=32, sliding_window=12, sliding_window_pattern=2, rope_theta=1e5,
                                       rope_local_base_freq=500.0, rope_scaling=dict(LINEAR), query_pre_attn_scalar=24)),
    "gemma3-new": ("gemma3_text", dict(head_dim=32, sliding_window=12, layer_types=ALTERNATING, final_logit_softcapping=8.0,
                                       rope_parameters=nested(rope("linear", 1e6, factor=8.0), rope()))),
    "gemma3-defaults": ("gemma3_text", dict(num_hidden_layers=7, sliding_window=10, num_key_value_heads=ABSENT,
                                            num_attention_heads=ABSENT, head_dim=ABSENT)),
    "gemma3-wrapped": ("gemma3", dict(head_dim=32, sliding_window=12, sliding_window_pattern=3, rope_scaling=dict(LINEAR))),
    "glm-old": ("glm", dict(head_dim=16, partial_rotary_factor=0.5)),
    "glm-new-no-bias": ("glm", dict(head_dim=32, attention_bias=False, rope_parameters=rope(partial_rotary_factor=0.25))),
    "glm-default-rotary": ("glm", dict(head_dim=ABSENT, rms_norm_eps=ABSENT, num_key_value_heads=ABSENT)),
    "glm4": ("glm4", dict(head_dim=24, partial_rotary_factor=0.5, rope_theta=1e5)),
    "glm4-tied-whole": ("glm4", dict(head_dim=16, tie_word_embeddings=True, rope_parameters=rope(partial_rotary_factor=1.0))),
    "phi3-plain-window": ("phi3", dict(sliding_window=12)),
    "phi3-short": ("phi3", dict(rope_scaling=longrope(8), original_max_position_embeddings=64)),
    "phi3-long-su": ("phi3", dict(rope_scaling=longrope(8, kind="su", original_max_position_embeddings=32),
                              original_max_position_embeddings=32)),
    "phi3-long-at-47": ("phi3", dict(rope_scaling=longrope(8), original_max_position_embeddings=47)),
    "phi3-short-at-48": ("phi3", dict(rope_scaling=longrope(8), original_max_position_embeddings=48)),
    "phi3-partial-tied": ("phi3", dict(partial_rotary_factor=0.75, original_max_position_embeddings=32, hidden_size=128,
                                       tie_word_embeddings=True, rope_scaling=longrope(12, attention_factor=1.3))),
    "phi3-new-factor": ("phi3", dict(original_max_position_embeddings=16, num_key_value_heads=None,
                                     rope_parameters=dict(longrope(4, factor=3.0), rope_theta=THETA, partial_rotary_factor=0.5))),
}


def described(name):
    """config.json as a publisher writes it: nothing that transformers adds."""
    family, changes = CASES[name]
    fields = {"model_type": family, **SMALL, **changes}
    fields = {key: value for key, value in fields.items() if value is not ABSENT}
    if family != "gemma3":
        return fields
    vision = dict(model_type="siglip_vision_model", hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
                  image_size=16, patch_size=8)
    return dict(model_type=family, text_config=dict(fields, model_type="gemma3_text"), vision_config=vision,
                mm_tokens_per_image=4, eos_token_id=2)


def widened(model):
    """Weights so wide that every switch shows in the logits."""
    for name, weight in model.named_parameters():
        noise = torch.randn_like(weight)
        if weight.dim() >= 2:
            weight.data = noise if "embed_tokens" in name else noise * 1.3 / math.sqrt(weight.shape[-1])
        else:
            weight.data = weight.data + 0.3 * noise


def make(name, folder):
    torch.manual_seed(sum(name.encode()))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(described(name), indent=1))
    config = AutoConfig.from_pretrained(folder)
    kind = AutoModelForImageTextToText if config.model_type == "gemma3" else AutoModelForCausalLM
    model = kind.from_config(config, dtype=torch.float32, attn_implementation="eager").eval()
    widened(model)
    ids = torch.randint(3, SMALL["vocab_size"], (1, LENGTH))
    with torch.no_grad():
        logits = model(input_ids=ids, use_cache=False).logits[0]
    published = folder / "config.json"
    text = published.read_text()
    model.save_pretrained(folder)
    published.write_text(text)
    save_file({"logits": logits.contiguous()}, str(folder / "logits.safetensors"))
    case = dict(family=config.model_type, input_ids=ids[0].tolist(), dtype="f32")
    (folder / "case.json").write_text(json.dumps(case))


if __name__ == "__main__":
    for case in CASES:
        make(case, Path(sys.argv[1]) / "logits" / case)
        print(case, flush=True)
