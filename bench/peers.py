"""Times specfuse, transformers on PyTorch and llama.cpp on the same weights, in turn, in one run on this machine's CPU.

    pip install torch transformers llama-cpp-python gguf safetensors numpy
    cargo build --release
    python bench/peers.py --quick           (80M parameters; a minute or so)
    python bench/peers.py --markdown        (500M parameters; some 8 minutes on 2 cores)

It first checks that all of them compute the same. README.md beside this file says what is compared, and what differs between them.
"""
import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import llama_cpp
import torch

import checkpoint
from contestants import CANDIDATE, CANDIDATES, PREFILL, InProcess, LlamaCpp, Plan, Specfuse, Step, Transformers, log_softmax, tokens

HERE = Path(__file__).resolve().parent
SPECFUSE, TRANSFORMERS, LLAMA_CPP = "specfuse", "transformers", "llama.cpp"
PEERS = [TRANSFORMERS, LLAMA_CPP]
ROWS = {"decode": 1, "prefill": PREFILL, "score": CANDIDATES * CANDIDATE}
PROMPT, GREEDY = 24, 8
BUSY = 0.5
# Nats by which a log-probability may differ from the f32 reference's. Rows in the wrong order differ by more than one.
TOLERANCE = {"f32": 0.02, "f16": 0.05, "bf16": 0.15, "q8_0": 0.15}
Contestants = dict[tuple[str, str], Specfuse | InProcess]  # by program and precision


def main() -> int:
    args = arguments()
    started, host = time.monotonic(), machine(args.threads)
    if host["load_average"] > BUSY:
        say(f"the load average is {host['load_average']:.1f}: what else runs here changes the comparison, not only the numbers")
    torch.set_num_threads(args.threads)
    plan = Plan([32] if args.quick else [32, 512], args.repeats, args.threads, args.limit)
    config = checkpoint.read_config(args.checkpoint / "config.json" if args.checkpoint else args.shape)
    with tempfile.TemporaryDirectory(dir=args.scratch) as scratch:
        contestants = prepare(args, config, Path(scratch), plan)
        agreement = agree(contestants, Path(scratch) / "model", config)
        rounds = measure(contestants, plan, args.rounds, started + args.limit)
    report = dict(machine=host, model=str(args.checkpoint or args.shape.stem), rounds=len(rounds), agreement=agreement,
                  steps=[row(step, precision, rounds, contestants) for step in plan.steps() for precision in args.precisions])
    print(json.dumps(report) if args.json else table(report, args.markdown))
    return 0 if all(answer["agrees"] for answer in agreement) else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the 80M shape, bf16 and q8_0, steps after 32 tokens only")
    parser.add_argument("--shape", type=Path, help="config.json of a random model (default: shapes/llama-500m.json)")
    parser.add_argument("--checkpoint", type=Path, help="take the weights of this Llama folder, as bf16")
    parser.add_argument("--precisions", nargs="+", choices=list(checkpoint.KINDS), help="default: bf16 q8_0 f32; --quick: bf16 q8_0")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median counts")
    parser.add_argument("--repeats", type=int, help="of a step in a round, of which the median counts (3; --quick: 1)")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--seed", type=int, default=0, help="of the random weights")
    parser.add_argument("--limit", type=float, help="seconds after which no round begins that would not end in time (480; --quick: 90)")
    parser.add_argument("--scratch", type=Path, help="where there is room for the model in every format (default: the system's)")
    parser.add_argument("--specfuse", type=Path, default=HERE.parent / "target/release/specfuse", help="the program to time")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--markdown", action="store_true", help="the table in Markdown")
    form.add_argument("--json", action="store_true", help="one JSON object with every round's times, instead of a table")
    args = parser.parse_args()
    if not args.specfuse.is_file():
        parser.error(f"--specfuse {args.specfuse}: no such program; cargo build --release makes it")
    if min(args.rounds, args.threads) < 1:
        parser.error("--rounds and --threads must be at least 1")
    args.shape = args.shape or HERE / f"shapes/llama-{'80m' if args.quick else '500m'}.json"
    args.precisions = args.precisions or (["bf16", "q8_0"] if args.quick else ["bf16", "q8_0", "f32"])
    args.repeats = args.repeats or (1 if args.quick else 3)
    args.limit = args.limit or (90.0 if args.quick else 480.0)
    return args


def prepare(args: argparse.Namespace, config: checkpoint.Config, scratch: Path, plan: Plan) -> Contestants:
    """Writes the model and loads it into everyone. Those of one precision are neighbours, so that they meet the same noise."""
    say("making the model")
    weights = checkpoint.read_weights(args.checkpoint) if args.checkpoint else checkpoint.random_weights(config, args.seed)
    folder = scratch / "model"
    contestants: Contestants = {}
    checkpoint.write_folder(folder, config, weights)
    for precision in args.precisions:
        say(f"loading {precision}")
        contestants[SPECFUSE, precision] = Specfuse(args.specfuse, folder, precision)
        if precision != "q8_0":
            contestants[TRANSFORMERS, precision] = Transformers(folder, precision, config["vocab_size"])
        path = scratch / f"{precision}.gguf"
        checkpoint.write_gguf(path, config, weights, precision)
        contestants[LLAMA_CPP, precision] = LlamaCpp(path, config["vocab_size"], plan)
    return contestants


def agree(contestants: Contestants, folder: Path, config: checkpoint.Config) -> list[dict]:
    """Everyone continues a prompt greedily; transformers in f32 says how probable each of those tokens is."""
    prompt = tokens(config["vocab_size"], 0, PROMPT)
    reference = contestants.get((TRANSFORMERS, "f32")) or Transformers(folder, "f32", config["vocab_size"])
    first = reference.greedy(prompt, 1)[0][0]
    answers = []
    for (program, precision), contestant in contestants.items():
        continuation = contestant.greedy(prompt, GREEDY)
        reference.begin(prompt[:-1])
        error, last = 0.0, prompt[-1]
        for token, logprob in continuation:
            error = max(error, abs(log_softmax(reference.read([last]))[token] - logprob))
            last = token
        agrees = len(continuation) == GREEDY and bool(error <= TOLERANCE[precision])
        answers.append(dict(program=program, precision=precision, same_next_token=continuation[0][0] == first,
                            largest_difference=error, agrees=agrees))
        say(f"{program} {precision}: log-probabilities within {error:.4f} of the reference's{'' if agrees else ': ANOTHER COMPUTATION'}")
    return answers


def measure(contestants: Contestants, plan: Plan, count: int, deadline: float) -> list[dict]:
    """One round after the other, each with everyone in turn; at least one, and none that would probably end too late."""
    rounds, longest = [], 0.0
    while len(rounds) < count and (not rounds or time.monotonic() + longest < deadline):
        before, times = time.monotonic(), {}
        for who, contestant in contestants.items():
            say(f"round {len(rounds) + 1}: {' '.join(who)}")
            times[who] = contestant.measure(plan)
        rounds.append(times)
        longest = max(longest, time.monotonic() - before)
    return rounds


def row(step: Step, precision: str, rounds: list[dict], contestants: Contestants) -> dict:
    """One step in one precision: everyone's median over the rounds."""
    kind, context = step
    ms = {program: [times[program, precision][step] for times in rounds] for program, held in contestants if held == precision}
    tokens_s = {program: ROWS[kind] * 1e3 / statistics.median(times) for program, times in ms.items()}
    ratio = {program: tokens_s[SPECFUSE] / tokens_s[program] for program in PEERS if program in tokens_s}
    return dict(kind=kind, rows=ROWS[kind], context=context, precision=precision, ms=ms, tokens_s=tokens_s, ratio=ratio,
                roofline_share=statistics.median(contestants[SPECFUSE, precision].roofline_shares[step]))


def machine(threads: int) -> dict:
    """What the numbers depend on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    processor = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    packages = {package: version(package) for package in ("torch", "transformers", "llama-cpp-python")}
    return dict(processor=processor, threads=threads, load_average=os.getloadavg()[0], packages=packages,
                llama_cpp=llama_cpp.llama_print_system_info().decode())


def table(report: dict, markdown: bool) -> str:
    lines = [["step", "rows", "after", "weights", SPECFUSE, "of the roofline"]]
    for peer in PEERS:
        lines[0] += [peer, f"{SPECFUSE}/{peer}"]
    for step in report["steps"]:
        cells = [step["kind"], str(step["rows"]), str(step["context"]), step["precision"], f"{step['tokens_s'][SPECFUSE]:.1f}",
                 f"{step['roofline_share']:.0%}"]
        for peer in PEERS:
            known = peer in step["ratio"]
            cells += [f"{step['tokens_s'][peer]:.1f}", f"{step['ratio'][peer]:.2f}"] if known else ["-", "-"]
        lines.append(cells)
    widths = [max(len(cells[column]) for cells in lines) for column in range(len(lines[0]))]
    padded = [[cell.ljust(width) for cell, width in zip(cells, widths)] for cells in lines]
    if markdown:
        padded.insert(1, ["-" * width for width in widths])
    joined = ["| " + " | ".join(cells) + " |" if markdown else "  ".join(cells).rstrip() for cells in padded]
    host = report["machine"]
    busy = "; THE MACHINE WAS BUSY: NOT A COMPARISON" if host["load_average"] > BUSY else ""
    packages = ", ".join(" ".join(package) for package in host["packages"].items())
    return "\n".join([f"{report['model']} on {host['processor']}, {host['threads']} threads; {packages}; tokens/s, "
                      f"median of {report['rounds']} rounds; load average {host['load_average']:.1f} before{busy}", "", *joined])


def say(line: str) -> None:
    print(f"{time.strftime('%X')} {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
