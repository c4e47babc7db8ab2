"""Whether answers are good, fast and room for more: what its users would notice."""

from panel import graph, mean, quantiles, stat, variable

TITLE = "SpecFuse"
DESCRIPTION = "Answers as their readers see them: how many, how soon, what was refused and what broke off; rounds; the cluster."

WHO = 'namespace=~"$namespace", job=~"$job"'
WHAT = WHO + ', ensemble=~"$ensemble"'

VARIABLES = [
    variable("namespace", "Namespace", "specfuse_build_info"),
    variable("job", "Coordinators", "specfuse_build_info"),
    variable("ensemble", "Ensemble", 'specfuse_begun_answers_total{job=~"$job"}'),
]

NOW = [
    stat("Answers", "reqps", "Answers begun each second.", f"sum(rate(specfuse_begun_answers_total{{{WHAT}}}[$__rate_interval]))"),
    stat(
        "Broken off",
        "percentunit",
        "Of the answers that begin, the part that breaks off. More than 2 % for 5 minutes is an alert.",
        f"(sum(rate(specfuse_failed_answers_total{{{WHAT}}}[$__rate_interval])) or vector(0))"
        f" / sum(rate(specfuse_begun_answers_total{{{WHAT}}}[$__rate_interval]))",
        0.02,
    ),
    stat(
        "First segment, p95",
        "s",
        "One answer in twenty begins later than this. More than 5 s is an alert.",
        quantiles("specfuse_first_segment_seconds", WHAT)["p95"],
        5,
    ),
    stat(
        "Places taken",
        "percentunit",
        "Of all places for answers. More than 90 % for 10 minutes is an alert: soon requests wait, then they are refused.",
        f"sum(specfuse_running_generations{{{WHO}}}) / sum(specfuse_generation_limit{{{WHO}}})",
        0.9,
    ),
    stat(
        "Members without a worker",
        "short",
        "Members of ensembles that no coordinator can call. Any at all is an alert: answers are written without them.",
        f"sum(max by (member) (specfuse_ready_workers{{{WHO}}}) == bool 0)",
        1,
    ),
    stat(
        "Age of the list",
        "s",
        "How long the coordinator that has heard least from etcd has heard nothing. Usually below 3 s; above 30 s etcd is away.",
        f"max(specfuse_discovery_last_sync_seconds{{{WHO}}})",
        30,
    ),
]

ANSWERS = [
    graph(
        "Answers, by how they end",
        "reqps",
        "Stop: the models ended them. Length: the request's limit did; many of them ask for longer answers. Left: clients went before the end.",
        {"{{outcome}}": f"sum by (outcome) (rate(specfuse_answers_total{{{WHAT}}}[$__rate_interval]))"},
        stacked=True,
    ),
    graph(
        "Failed answers, by reason",
        "reqps",
        "Answers that broke off after they had begun. invalid_argument and out_of_range are the requests' own; unavailable means that"
        " members do not answer.",
        {"{{reason}}": f"sum by (reason) (rate(specfuse_failed_answers_total{{{WHAT}}}[$__rate_interval]))"},
        stacked=True,
    ),
    graph(
        "Refused requests, by reason",
        "reqps",
        "Requests that got no answer. resource_exhausted: no place, or a key's limit. unavailable: the coordinator stops, or has no workers.",
        {"{{reason}}": f"sum by (reason) (rate(specfuse_refused_requests_total{{{WHO}}}[$__rate_interval]))"},
        stacked=True,
    ),
    graph(
        "Time to first segment",
        "s",
        "From a request's admission to the first text. If this grows and drafts do not, requests wait for places.",
        quantiles("specfuse_first_segment_seconds", WHAT),
    ),
    graph(
        "Time to the whole answer",
        "s",
        "From a request's admission to the end. It grows with the length of answers: compare it with the tokens.",
        quantiles("specfuse_answer_seconds", WHAT),
    ),
    graph(
        "Tokens of answers",
        "short",
        "Tokens each second that readers got, of all answers together.",
        {"{{ensemble}}": f"sum by (ensemble) (rate(specfuse_answer_tokens_total{{{WHAT}}}[$__rate_interval]))"},
    ),
]

ROUNDS = [
    graph(
        "Rounds, by what decided them",
        "short",
        "Rounds each second. Those that were decided without scores cost one call a member less.",
        {"{{decided_by}}": f"sum by (decided_by) (rate(specfuse_rounds_total{{{WHAT}}}[$__rate_interval]))"},
        stacked=True,
    ),
    graph(
        "Time of a round",
        "s",
        "Drafts, scores and the decision. The slowest member of a round is its time: the dashboard of the members tells who that is.",
        quantiles("specfuse_round_seconds", WHAT),
    ),
    graph(
        "Members in a round",
        "short",
        "The mean. It falls when members leave by the exit rule, which is meant to be, and when they are not there, which is not.",
        {"{{ensemble}}": mean("specfuse_round_members", WHAT, "ensemble")},
    ),
]

CLUSTER = [
    graph(
        "Places",
        "short",
        "Answers that are being written, requests that wait, and how many places there are.",
        {
            "running": f"sum(specfuse_running_generations{{{WHO}}})",
            "waiting": f"sum(specfuse_waiting_generations{{{WHO}}})",
            "places": f"sum(specfuse_generation_limit{{{WHO}}})",
        },
    ),
    graph(
        "Workers, by state",
        "short",
        "As the coordinator with the most of them sees it. Workers that stay in connecting or unreachable are on the list but do not answer.",
        {"{{state}}": f"max by (state) (specfuse_workers{{{WHO}}})"},
    ),
    graph(
        "HTTP responses, by status",
        "reqps",
        "Of the HTTP API alone: requests by gRPC are in the other panels.",
        {"{{status}}": f"sum by (status) (rate(specfuse_http_responses_total{{{WHO}}}[$__rate_interval]))"},
        stacked=True,
    ),
    graph(
        "Age of the list of workers",
        "s",
        "Since each coordinator last heard from etcd. A saw of two seconds is as it should be; a line that climbs is an etcd that is away.",
        {"{{instance}}": f"specfuse_discovery_last_sync_seconds{{{WHO}}}"},
    ),
    graph(
        "Memory of the coordinators",
        "bytes",
        "Recordings take at most what the key `recordings` says. What grows without end is a mistake of ours.",
        {"{{instance}}": f"process_resident_memory_bytes{{{WHO}}}"},
    ),
    graph(
        "Processor of the coordinators",
        "short",
        "Cores that each uses. Coordinators compute little: more than one core each asks for more coordinators.",
        {"{{instance}}": f"rate(process_cpu_seconds_total{{{WHO}}}[$__rate_interval])"},
    ),
]

ROWS = [("Now", 4, NOW), ("Answers", 8, ANSWERS), ("Rounds", 8, ROUNDS), ("Cluster", 8, CLUSTER)]
