"""What no schema can say, put into the requests that Schemathesis makes: names that exist, and fields that go together. Every other
request is left as it is, so that what is wrong is tried too. Answers are short enough for a test.
"""

import schemathesis

MOST_TOKENS = 12
MOST_CHOICES = 2
mended = [False]


@schemathesis.hook
def before_call(context, case, kwargs):
    if isinstance(case.path_parameters, dict) and "id" in case.path_parameters:
        case.path_parameters["id"] = "default"
    body = case.body
    if not isinstance(body, dict):
        return
    for name in ["max_tokens", "max_completion_tokens"]:
        if isinstance(body.get(name), int) and body[name] > MOST_TOKENS:
            body[name] = MOST_TOKENS
    mended[0] = not mended[0]
    if mended[0]:
        mend(body)


def mend(body):
    if isinstance(body.get("model"), str):
        body["model"] = "default"
    asked = body.get("specfuse")
    if isinstance(asked, dict):
        body["specfuse"] = {name: asked[name] for name in ["trace", "record"] if name in asked} | {"strategy": "cross"}
    if body.get("logprobs") is not True and "messages" in body:
        body.pop("top_logprobs", None)
    if body.get("stream") is not True:
        body.pop("stream_options", None)
    if "max_tokens" in body:
        body.pop("max_completion_tokens", None)
    body.pop("best_of", None)
    if isinstance(body.get("n"), int) and body["n"] > MOST_CHOICES:
        body["n"] = MOST_CHOICES
    if body.get("top_p") == 0:
        body["top_p"] = 1
    if "prompt" in body and not body["prompt"]:
        body["prompt"] = "How many?"
    for message in body["messages"] if isinstance(body.get("messages"), list) else []:
        if isinstance(message, dict) and not message.get("content"):
            message["content"] = "How many?"
