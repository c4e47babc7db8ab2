"""The three programs that are compared, each with the model loaded in one precision: specfuse, transformers on PyTorch, llama.cpp.

Each offers `measure`, the milliseconds of every step of a plan, and `greedy`, the most probable continuation of a prompt with its
log-probabilities.
"""
import json
import os
import statistics
import subprocess
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import llama_cpp
import numpy
import torch
import transformers

PREFILL, CANDIDATES, CANDIDATE = 512, 5, 10
DTYPES = {"bf16": torch.bfloat16, "f16": torch.float16, "f32": torch.float32}
PATIENCE_S = 4.0
Step = tuple[str, int]  # decode, prefill or score; the tokens before it
Continuation = list[tuple[int, float]]  # token, its log-probability

transformers.utils.logging.disable_progress_bar()
silent = llama_cpp.llama_log_callback(lambda level, text, user: None)
llama_cpp.llama_log_set(silent, None)


@dataclass(frozen=True)
class Plan:
    """The decodes come after each of the contexts, the prefill after the first of them, the scoring pass after the last."""

    contexts: list[int]
    repeats: int
    threads: int
    limit_s: float

    def steps(self) -> list[Step]:
        return [*(("decode", context) for context in self.contexts), ("prefill", self.contexts[0]), ("score", self.contexts[-1])]


def tokens(vocab: int, sequence: int, count: int) -> list[int]:
    """As `specfuse bench engine` chooses them."""
    return [(sequence * 7919 + place * 31 + 3) % vocab for place in range(count)]


class Specfuse:
    """Its own bench in a process of its own, since that is how its steps can be timed."""

    def __init__(self, program: Path, folder: Path, precision: str) -> None:
        self.program, self.folder = program, folder
        self.flag, self.precision = ("quantize" if precision == "q8_0" else "dtype"), precision
        # Of every measurement so far, each against the ceilings that its own run found.
        self.roofline_shares: defaultdict[Step, list[float]] = defaultdict(list)

    def measure(self, plan: Plan) -> dict[Step, float]:
        contexts = ",".join(map(str, plan.contexts))
        model = ["--model", str(self.folder), f"--{self.flag}", self.precision]
        how = ["--context", contexts, "--repeats", str(plan.repeats), "--threads", str(plan.threads)]
        report = json.loads(self.run(["bench", "engine", "--json", *model, *how], plan.limit_s))
        found = {(step["kind"], step["context"]): step for step in report["steps"] if step["kind"] != "decode" or step["rows"] == 1}
        for step in plan.steps():
            self.roofline_shares[step].append(found[step]["roofline_share"])
        return {step: found[step]["ms"] for step in plan.steps()}

    def greedy(self, prompt: list[int], count: int) -> Continuation:
        # The last word of an unfinished draft is not part of the answer.
        limit = ["--max-tokens", str(count + 1), "--segment-tokens", str(count + 1)]
        text = " ".join(f"t{token}" for token in prompt)
        out = self.run(["ask", "--raw", "--json", "--model", str(self.folder), *limit, text], 120)
        draft = json.loads(out.splitlines()[0])["drafts"][0]
        return [(int(word[1:]), logprob) for word, logprob in zip(draft["text"].split(), draft["token_logprobs"])]

    def run(self, arguments: list[str], limit_s: float) -> str:
        environment = os.environ | {f"SPECFUSE_WORKER_{self.flag.upper()}": self.precision}
        done = subprocess.run([self.program, *arguments], env=environment, capture_output=True, text=True, timeout=limit_s)
        if done.returncode != 0:
            raise RuntimeError(f"specfuse {' '.join(arguments)} failed:\n{done.stderr}")
        return done.stdout


class InProcess(ABC):
    """What the two peers share: they read a context, rows after it, and go back to it."""

    vocab: int

    @abstractmethod
    def begin(self, context: list[int]) -> None:
        """Forgets everything and reads the context as the only sequence."""

    @abstractmethod
    def read(self, rows: list[int]) -> numpy.ndarray:
        """The logits after the last row of the only sequence."""

    @abstractmethod
    def fork(self, sequences: int) -> None:
        """Gives what was read to so many sequences."""

    @abstractmethod
    def score(self, candidates: list[list[int]]) -> None:
        """The logits after every row of all sequences."""

    @abstractmethod
    def rewind(self, length: int) -> None:
        """Forgets all but the first tokens of every sequence."""

    def measure(self, plan: Plan) -> dict[Step, float]:
        """Longest context first: reading it makes a later prefill a warm one."""
        rows = tokens(self.vocab, 1, PREFILL)
        candidates = [tokens(self.vocab, 1 + candidate, CANDIDATE) for candidate in range(CANDIDATES)]
        times: dict[Step, float] = {}
        for context in sorted(plan.contexts, reverse=True):
            self.begin(tokens(self.vocab, 0, context))
            self.read(rows[:1])
            times["decode", context] = median_ms(lambda: self.read(rows[:1]), plan.repeats)
            self.rewind(context)
            if ("prefill", context) in plan.steps():
                times["prefill", context] = median_ms(lambda: (self.read(rows), self.rewind(context)), plan.repeats)
            if ("score", context) in plan.steps():
                self.fork(CANDIDATES)
                times["score", context] = median_ms(lambda: (self.score(candidates), self.rewind(context)), plan.repeats)
        return times

    def greedy(self, prompt: list[int], count: int) -> Continuation:
        self.begin(prompt[:-1])
        drafted, token = [], prompt[-1]
        for _ in range(count):
            logprobs = log_softmax(self.read([token]))
            token = int(logprobs.argmax())
            drafted.append((token, float(logprobs[token])))
        return drafted


class Transformers(InProcess):
    """With its own growing cache and its default attention."""

    def __init__(self, folder: Path, precision: str, vocab: int) -> None:
        self.model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=DTYPES[precision]).eval()
        self.vocab, self.cache = vocab, transformers.DynamicCache()

    @torch.inference_mode()
    def forward(self, rows: list[list[int]], reads: int) -> torch.Tensor:
        return self.model(torch.tensor(rows), past_key_values=self.cache, use_cache=True, logits_to_keep=reads).logits

    def begin(self, context: list[int]) -> None:
        self.cache = transformers.DynamicCache()
        self.read(context)

    def read(self, rows: list[int]) -> numpy.ndarray:
        return self.forward([rows], 1)[0, -1].float().numpy()

    def fork(self, sequences: int) -> None:
        self.cache.batch_repeat_interleave(sequences)

    def score(self, candidates: list[list[int]]) -> None:
        self.forward(candidates, CANDIDATE)

    def rewind(self, length: int) -> None:
        self.cache.crop(length - self.cache.get_seq_length())


class LlamaCpp(InProcess):
    """Through its C interface, with exactly a step's rows in one batch; its defaults otherwise."""

    def __init__(self, path: Path, vocab: int, plan: Plan) -> None:
        options = llama_cpp.llama_model_default_params()
        options.n_gpu_layers = 0
        self.model = llama_cpp.llama_model_load_from_file(str(path).encode(), options)
        options = llama_cpp.llama_context_default_params()
        options.n_ctx = max(plan.contexts) + 2 * PREFILL
        options.n_batch, options.n_ubatch, options.n_seq_max = PREFILL, PREFILL, CANDIDATES
        options.n_threads = options.n_threads_batch = plan.threads
        options.kv_unified = True  # The sequences' common prefix is held once.
        self.context = llama_cpp.llama_init_from_model(self.model, options) if self.model else None
        if not self.context:
            raise RuntimeError(f"llama.cpp cannot load {path}")
        self.memory = llama_cpp.llama_get_memory(self.context)
        self.batch = llama_cpp.llama_batch_init(PREFILL, 0, CANDIDATES)
        self.vocab, self.length = vocab, 0

    def decode(self, sequences: list[list[int]], reads_all: bool) -> numpy.ndarray:
        rows = [(token, self.length + index, sequence) for sequence, rows in enumerate(sequences) for index, token in enumerate(rows)]
        self.batch.n_tokens = len(rows)
        for index, (token, position, sequence) in enumerate(rows):
            self.batch.token[index], self.batch.pos[index] = token, position
            self.batch.n_seq_id[index], self.batch.seq_id[index][0] = 1, sequence
            self.batch.logits[index] = reads_all or index + 1 == len(rows)
        if (status := llama_cpp.llama_decode(self.context, self.batch)) != 0:
            raise RuntimeError(f"llama_decode answered {status}")
        self.length += len(sequences[0])
        # It waits until all is computed.
        return numpy.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(self.context, -1), (self.vocab,)).copy()

    def begin(self, context: list[int]) -> None:
        llama_cpp.llama_memory_clear(self.memory, False)
        self.length = 0
        self.read(context)

    def fork(self, sequences: int) -> None:
        for sequence in range(1, sequences):
            llama_cpp.llama_memory_seq_cp(self.memory, 0, sequence, -1, -1)

    def read(self, rows: list[int]) -> numpy.ndarray:
        return self.decode([rows], False)

    def score(self, candidates: list[list[int]]) -> None:
        self.decode(candidates, True)

    def rewind(self, length: int) -> None:
        llama_cpp.llama_memory_seq_rm(self.memory, -1, length, -1)
        self.length = length


def log_softmax(logits: numpy.ndarray) -> numpy.ndarray:
    logits = logits.astype(numpy.float64) - logits.max()
    return logits - numpy.log(numpy.exp(logits).sum())


def median_ms(step: Callable[[], object], repeats: int) -> float:
    """Of so many repetitions, or of fewer when they take long."""
    started, times = time.perf_counter(), []
    while len(times) < repeats and (not times or time.perf_counter() - started < PATIENCE_S):
        before = time.perf_counter()
        step()
        times.append((time.perf_counter() - before) * 1e3)
    return statistics.median(times)
