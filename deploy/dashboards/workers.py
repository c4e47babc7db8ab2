"""The engines: what each worker is busy with, how full its queue and its cache are, and what its process takes."""

from panel import graph, mean, quantiles, table, variable

TITLE = "SpecFuse: workers"
DESCRIPTION = "Each worker's engine: calls, queue, steps, cache, and the process."

WHO = 'namespace=~"$namespace", job=~"$job", instance=~"$instance"'
RATE = "[$__rate_interval]"

VARIABLES = [
    variable("namespace", "Namespace", "specfuse_worker_info"),
    variable("job", "Workers", "specfuse_worker_info"),
    variable("instance", "Worker", 'specfuse_worker_info{job=~"$job"}'),
]

FLEET = [
    table(
        "Workers",
        "What each worker serves, and on what. Replicas of one model should agree in all but their address.",
        f"specfuse_worker_info{{{WHO}}}",
        ["container", "endpoint", "prometheus"],
    ),
]

CALLS = [
    graph(
        "Calls, by how they end",
        "reqps",
        "ok and cancelled are as they should be: a call is dropped when its round goes on without it. resource_exhausted: the queue was full.",
        {"{{call}} {{code}}": f"sum by (call, code) (rate(specfuse_worker_calls_total{{{WHO}}}{RATE}))"},
        stacked=True,
    ),
    graph(
        "Call, p95",
        "s",
        "From a call's arrival to its reply. What the coordinator sees beyond this is the network.",
        quantiles("specfuse_worker_call_seconds", WHO, "call"),
    ),
    graph(
        "Wait for the engine, p95",
        "s",
        "The part of a call that it spent in the queue. Where this is most of it, another replica helps.",
        quantiles("specfuse_worker_queue_seconds", WHO, "call"),
    ),
    graph(
        "Prefill, p95",
        "s",
        "The part of a call that its context took: short where the cache holds it.",
        quantiles("specfuse_worker_prefill_seconds", WHO, "call"),
    ),
    graph(
        "Decode",
        "s",
        "The part of a draft that its tokens took, one step for each.",
        quantiles("specfuse_worker_decode_seconds", WHO),
    ),
    graph(
        "Tokens",
        "short",
        "Each second, of all workers shown. Computed ones are what the device does.",
        {
            "drafted": f"sum(rate(specfuse_worker_drafted_tokens_total{{{WHO}}}{RATE}))",
            "scored": f"sum(rate(specfuse_worker_scored_tokens_total{{{WHO}}}{RATE}))",
            "computed": f"sum(rate(specfuse_worker_computed_tokens_total{{{WHO}}}{RATE}))",
            "cached": f"sum(rate(specfuse_worker_cached_tokens_total{{{WHO}}}{RATE}))",
        },
    ),
]

ENGINE = [
    graph(
        "Steps",
        "short",
        "Forward passes each second. 0 while calls wait: the engine hangs.",
        {"{{instance}}": f"rate(specfuse_worker_step_seconds_count{{{WHO}}}{RATE})"},
    ),
    graph(
        "Time of a step, p95",
        "s",
        "It grows with the rows of a step and with the length of contexts. If it grows and they do not, something else takes the device.",
        quantiles("specfuse_worker_step_seconds", WHO, "instance"),
    ),
    graph(
        "Rows of a step",
        "short",
        "The mean. Steps near --max-batch-rows are full: another replica would help. Steps of a few rows use little of a GPU.",
        {"{{instance}}": mean("specfuse_worker_step_rows", WHO, "instance")},
    ),
    graph(
        "Calls that wait, of those that may",
        "percentunit",
        "More than 80 % for 5 minutes is an alert: a full queue turns calls away.",
        {"{{instance}}": f"specfuse_worker_waiting_calls{{{WHO}}} / specfuse_worker_queue_limit{{{WHO}}}"},
    ),
    graph(
        "Live sequences",
        "short",
        "Drafts, and candidates that are scored, that the engine is at.",
        {"{{instance}}": f"specfuse_worker_live_sequences{{{WHO}}}"},
    ),
    graph(
        "Cache in use",
        "percentunit",
        "A cache fills and stays full, as it should: what is oldest makes room. It is too small only where the part below falls with it.",
        {"{{instance}}": f"specfuse_worker_cache_used_tokens{{{WHO}}} / specfuse_worker_cache_limit_tokens{{{WHO}}}"},
    ),
    graph(
        "Cached part of what was read",
        "percentunit",
        "Of all tokens that calls needed, the part that was in the cache.",
        {
            "{{instance}}": f"rate(specfuse_worker_cached_tokens_total{{{WHO}}}{RATE})"
            f" / (rate(specfuse_worker_cached_tokens_total{{{WHO}}}{RATE}) + rate(specfuse_worker_computed_tokens_total{{{WHO}}}{RATE}))"
        },
    ),
]

PROCESS = [
    graph(
        "Memory",
        "bytes",
        "Weights, cache and what a step needs. It is taken while the model is loaded, and stays.",
        {"{{instance}}": f"process_resident_memory_bytes{{{WHO}}}"},
    ),
    graph(
        "Processor",
        "short",
        "Cores that each uses. On the CPU, --threads of them while it computes.",
        {"{{instance}}": f"rate(process_cpu_seconds_total{{{WHO}}}{RATE})"},
    ),
    graph(
        "Open files and sockets",
        "short",
        "One for each coordinator, and a few more.",
        {"{{instance}}": f"process_open_fds{{{WHO}}}"},
    ),
]

ROWS = [("Who", 6, FLEET), ("Calls", 8, CALLS), ("Engine", 8, ENGINE), ("Process", 8, PROCESS)]
