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


def attention_f32(module, q, k, v, mask, scaling=None, **kwargs):
    """The fused kernel's backward pass is slow in bf16 on a CPU. Training rows are causal and right-padded: no mask."""
    with torch.autocast("cpu", enabled=False):
        out = F.scaled_dot_product_attention(
            q.float(), k.float(), v.float(), is_causal=True, scale=scaling, enable_gqa=True)
    return out.to(q.dtype).transpose(1, 2).contiguous(), None


WARMUP = 150_000

AttentionInterface.register("attention_f32", attention_f32)


def build(config: dict) -> torch.nn.Module:
    config = AutoConfig.for_model(**config)
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="attention_f32")


def schedule(seen: float, tokens: float) -> float:
    """The learning rate's factor: a short warm-up, level, then a straight fall to nothing over the last third."""
    return min(1.0, (seen + 1) / WARMUP, max(0.0, (tokens - seen) / (tokens / 3)))


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
    next_report = args.report
    for ids, targets in batches.batches(member, tok, args.seed, args.batch_tokens):
        for group in optimizer.param_groups:
            group["lr"] = args.lr * schedule(seen, tokens)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            hidden = body(input_ids=ids, use_cache=False).last_hidden_state
            wanted = targets >= 0
            logits = model.lm_head(hidden[wanted])
        loss = F.cross_entropy(logits.float(), targets[wanted])
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
            print(" ", evaluate.line(evaluate.accuracy(member, *published, count=24, seed=7)), flush=True)
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
