"""Each member of an ensemble against the others: what it gives, what it costs, and how it fails."""

from panel import graph, quantiles, variable

TITLE = "SpecFuse: members"
DESCRIPTION = "Each model of an ensemble as the coordinators see it: who wins, who leaves, who is late, and what each computes for that."

CALLS = 'namespace=~"$namespace", job=~"$job", member=~"$member"'
ROUNDS = CALLS + ', ensemble=~"$ensemble"'
RATE = "[$__rate_interval]"

VARIABLES = [
    variable("namespace", "Namespace", "specfuse_build_info"),
    variable("job", "Coordinators", "specfuse_build_info"),
    variable("ensemble", "Ensemble", 'specfuse_begun_answers_total{job=~"$job"}'),
    variable("member", "Member", 'specfuse_ready_workers{job=~"$job"}'),
]

WORTH = [
    graph(
        "Share of wins",
        "percentunit",
        "Of the rounds of the members shown, the part that each one's draft won. Who hardly ever wins costs more than it gives.",
        {
            "{{member}}": f"sum by (member) (rate(specfuse_wins_total{{{ROUNDS}}}{RATE}))"
            f" / ignoring (member) group_left () sum (rate(specfuse_wins_total{{{ROUNDS}}}{RATE}))"
        },
        stacked=True,
    ),
    graph(
        "Exits",
        "short",
        "Answers each second that a member left, because the exit rule found it worse than the others. That saves its calls for the rest.",
        {"{{member}}": f"sum by (member) (rate(specfuse_exits_total{{{ROUNDS}}}{RATE}))"},
    ),
    graph(
        "Ready workers",
        "short",
        "Workers that can be called, as the coordinator sees it that has the fewest. 0: the member takes part in nothing.",
        {"{{member}}": f"min by (member) (specfuse_ready_workers{{{CALLS}}})"},
    ),
]

TIMES = [
    graph(
        "Draft, p95",
        "s",
        "As the coordinator sees it, with the way there and back. Every round waits for the slowest, within straggler_grace.",
        quantiles("specfuse_draft_seconds", CALLS, "member"),
    ),
    graph(
        "Score, p95",
        "s",
        "As the coordinator sees it. A score is one pass over all drafts; if it takes as long as a draft, the cache does not hold.",
        quantiles("specfuse_score_seconds", CALLS, "member"),
    ),
]

FAILURES = [
    graph(
        "Strikes",
        "short",
        "Rounds each second that a member missed because it failed or was late. After max_strikes it is out of that answer.",
        {"{{member}}": f"sum by (member) (rate(specfuse_strikes_total{{{ROUNDS}}}{RATE}))"},
    ),
    graph(
        "Missed calls, by reason",
        "short",
        "Drafts and scores each second that gave nothing. late and overdue: too slow. busy: queues are full. unreachable and no_replica: gone."
        " The others: it answers, but not with what was asked.",
        {"{{member}} {{call}} {{reason}}": f"sum by (member, call, reason) (rate(specfuse_missed_calls_total{{{CALLS}}}{RATE}))"},
        stacked=True,
    ),
]

TOKENS = [
    graph(
        "Drafted tokens",
        "short",
        "Each second: what a member writes, won or not.",
        {"{{member}}": f"sum by (member) (rate(specfuse_drafted_tokens_total{{{CALLS}}}{RATE}))"},
    ),
    graph(
        "Scored tokens",
        "short",
        "Each second: what a member reads of drafts. None where nobody is asked to score.",
        {"{{member}}": f"sum by (member) (rate(specfuse_scored_tokens_total{{{CALLS}}}{RATE}))"},
    ),
    graph(
        "Computed tokens",
        "short",
        "Each second: tokens that went through the model, the cost of all the others.",
        {"{{member}}": f"sum by (member) (rate(specfuse_computed_tokens_total{{{CALLS}}}{RATE}))"},
    ),
    graph(
        "Cached part of what was read",
        "percentunit",
        "Of all tokens that calls needed, the part whose keys and values were there already. Calls carry their whole context, so this is high;"
        " where it falls, the cache is too small, or calls of one answer go to several replicas.",
        {
            "{{member}}": f"sum by (member) (rate(specfuse_cached_tokens_total{{{CALLS}}}{RATE}))"
            f" / (sum by (member) (rate(specfuse_cached_tokens_total{{{CALLS}}}{RATE}))"
            f" + sum by (member) (rate(specfuse_computed_tokens_total{{{CALLS}}}{RATE})))"
        },
    ),
]

ROWS = [
    ("What each is worth", 8, WORTH),
    ("How long each takes", 8, TIMES),
    ("How each fails", 8, FAILURES),
    ("What each computes", 8, TOKENS),
]
