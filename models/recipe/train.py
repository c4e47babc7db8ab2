"""Trains the bundled members from nothing, on text the recipe makes up, and publishes them.

    python models/recipe/train.py --out models --seed 1 [--member NAME]

One thread and one core a member; `--compile` is faster and needs a C++ compiler.
"""

import argparse
import math
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from transformers import AttentionInterface, AutoConfig, AutoModelForCausalLM

import batches
import evaluate
import publish
from members import MEMBERS, Member


def attention_f32(module, q, k, v, mask, scaling=None, softcap=None, sliding_window=None, **kwargs):
    """Training rows are causal and right-padded: no mask but that and the window.

    The fused kernel's backward pass is slow in bf16 on a CPU, and knows no soft cap.
    """
    with torch.autocast("cpu", enabled=False):
        q32, k32, v32 = q.float(), k.float(), v.float()
        if softcap is None:
            out = F.scaled_dot_product_attention(q32, k32, v32, is_causal=True, scale=scaling, enable_gqa=True)
        else:
            out = _capped(q32, k32, v32, scaling, softcap, sliding_window)
    return out.to(q.dtype).transpose(1, 2).contiguous(), None


def _capped(q, k, v, scaling, softcap, window):
    group = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
    scores = torch.tanh(q @ k.transpose(2, 3) * (scaling / softcap)) * softcap
    ago = torch.arange(q.shape[2])[:, None] - torch.arange(q.shape[2])
    seen = ago >= 0 if window is None else (ago >= 0) & (ago < window)
    return scores.masked_fill(~seen, -torch.inf).softmax(-1) @ v


WARMUP = 150_000
# Of each part of a layer that a norm follows, at the start.
AFTER = 0.2

AttentionInterface.register("attention_f32", attention_f32)


def build(config: dict) -> torch.nn.Module:
    config = AutoConfig.for_model(**config)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="attention_f32")
    _balance(model)
    return model


@torch.no_grad()
def _balance(model: torch.nn.Module) -> None:
    """Where a norm follows each part of a layer, what a part adds is as large as the norm's weight, and drowns the embedding.

    So those norms begin small, and an embedding that nothing scales begins larger.
    """
    after = {"gemma2": ("post_attention_layernorm", "post_feedforward_layernorm"),
             "glm4": ("post_self_attn_layernorm", "post_mlp_layernorm")}.get(model.config.model_type, ())
    offset = 1.0 if model.config.model_type == "gemma2" else 0.0
    for name, weight in model.named_parameters():
        if name.removesuffix(".weight").endswith(after) and after:
            weight.fill_(AFTER - offset)
        elif name == "model.embed_tokens.weight" and model.config.model_type == "glm4":
            weight.mul_(AFTER / model.config.initializer_range)


def schedule(seen: float, tokens: float) -> float:
    """The learning rate's factor: a short warm-up, level, then a straight fall to nothing over the last half."""
    return min(1.0, (seen + 1) / WARMUP, max(0.0, (tokens - seen) / (tokens / 2)))


def _softcapped(logits: torch.Tensor, config) -> torch.Tensor:
    cap = getattr(config, "final_logit_softcapping", None)
    return logits if cap is None else torch.tanh(logits / cap) * cap


def train(member: Member, args: argparse.Namespace) -> Path:
    torch.manual_seed(args.seed)
    tokens = args.tokens or member.tokens
    tok = member.tokenizer(batches.tokenizer_texts(args.seed))
    model = build(publish.full_config(member, tok))
    body = torch.compile(model.model, dynamic=True) if args.compile else model.model
    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim == 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}],
        lr=args.lr, betas=(0.9, 0.98), fused=True)
    started, seen, step, mean = time.time(), 0, 0, 0.0
    next_report, items = args.report, evaluate.drawn(args.seed, 12)
    for ids, targets in batches.batches(member, tok, args.seed, args.batch_tokens):
        for group in optimizer.param_groups:
            group["lr"] = args.lr * schedule(seen, tokens)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            hidden = body(input_ids=ids, use_cache=False).last_hidden_state
            wanted = targets >= 0
            logits = model.lm_head(hidden[wanted])
        loss = F.cross_entropy(_softcapped(logits.float(), model.config), targets[wanted])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        seen, step = seen + ids.numel(), step + 1
        mean = loss.item() if step == 1 else 0.98 * mean + 0.02 * loss.item()
        if seen >= next_report:
            next_report += args.report
            rate = seen / (time.time() - started)
            print(f"{member.name} {seen / 1e6:.1f}M tokens, {rate:.0f}/s, loss {mean:.4f}", flush=True)
            published = evaluate.load(publish.write(member, tok, model, args.out))
            print(" ", evaluate.line(evaluate.accuracy(member, *published, items)), flush=True)
        if seen >= tokens:
            break
    folder = publish.write(member, tok, model, args.out)
    print(f"{folder}: {step} steps, {time.time() - started:.0f} s", flush=True)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("models"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--member", choices=list(MEMBERS), action="append")
    parser.add_argument("--tokens", type=float, help="instead of the member's own number")
    parser.add_argument("--batch-tokens", type=int, default=1024)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--report", type=float, default=2e6, help="tokens between two reports; each publishes the member so far")
    parser.add_argument("--compile", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    for name in args.member or MEMBERS:
        train(MEMBERS[name], args)


if __name__ == "__main__":
    main()
