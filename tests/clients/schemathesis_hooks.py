"""Names that no schema can know, put into the requests that Schemathesis makes, and answers short enough for a test."""

import schemathesis

MOST_TOKENS = 12


@schemathesis.hook
def map_body(context, body):
    if not isinstance(body, dict):
        return body
    if isinstance(body.get("model"), str):
        body["model"] = "default"
    for name in ["max_tokens", "max_completion_tokens"]:
        if isinstance(body.get(name), int) and body[name] > MOST_TOKENS:
            body[name] = MOST_TOKENS
    asked = body.get("specfuse")
    if isinstance(asked, dict) and isinstance(asked.get("strategy"), str):
        asked["strategy"] = "cross"
    return body


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    if path_parameters and "id" in path_parameters:
        path_parameters["id"] = "default"
    return path_parameters
