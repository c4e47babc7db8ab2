"""OpenAI's package for Python, pointed at a coordinator. Arguments: URL [GUARDED_URL KEY LIMITED_KEY]; ends with 1 where something fails."""

import json
import sys
import time
import traceback
import urllib.request

import openai

APPLES = [{"role": "user", "content": "A shop has 47 apples and gets 38 more. How many apples are there now?"}]
MODEL = "default"
MEMBER = "default/abacus-llama"

url = sys.argv[1]
client = openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, timeout=60)


def chat(**more):
    return client.chat.completions.create(**{"model": MODEL, "messages": APPLES, "temperature": 0, **more})


def refused(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def models_are_ensembles_and_their_members():
    ids = [model.id for model in client.models.list()]
    assert MODEL in ids and MEMBER in ids, ids
    assert client.models.retrieve(MODEL).id == MODEL
    assert client.models.retrieve(MEMBER).id == MEMBER
    refused(openai.NotFoundError, lambda: client.models.retrieve("nobody"))


def a_chat_is_answered():
    answer = chat()
    choice = answer.choices[0]
    assert answer.object == "chat.completion" and answer.model == MODEL and answer.id.startswith("chatcmpl-"), answer
    assert choice.finish_reason == "stop" and choice.message.role == "assistant", choice
    assert "85" in choice.message.content, choice
    usage = answer.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens and usage.prompt_tokens > 0, usage


def the_pieces_of_a_stream_are_the_answer():
    whole = chat(seed=7).choices[0].message.content
    chunks = list(chat(seed=7, stream=True, stream_options={"include_usage": True}))
    *chunks, last = chunks
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == whole, (text, whole)
    assert len(chunks) > 1 and chunks[0].choices[0].delta.role == "assistant", chunks[0]
    assert chunks[-1].choices[0].finish_reason == "stop", chunks[-1]
    assert last.choices == [] and last.usage.completion_tokens > 0, last
    assert len({chunk.id for chunk in [*chunks, last]}) == 1


def a_raw_prompt_is_continued():
    answer = client.completions.create(model=MODEL, prompt="47 + 38 =", max_tokens=8, temperature=0)
    assert answer.object == "text_completion" and isinstance(answer.choices[0].text, str), answer
    pieces = client.completions.create(model=MODEL, prompt="47 + 38 =", max_tokens=8, temperature=0, stream=True)
    assert "".join(piece.choices[0].text for piece in pieces if piece.choices) == answer.choices[0].text


def an_answer_ends_before_a_stop_string():
    whole = chat().choices[0].message.content
    stop = whole[len(whole) // 2:][:3]
    choice = chat(stop=[stop]).choices[0]
    assert choice.finish_reason == "stop" and choice.message.content == whole.split(stop)[0], (choice, whole)
    pieces = chat(stop=stop, stream=True)
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces) == whole.split(stop)[0]


def an_answer_is_as_long_as_it_may_be():
    for name in ["max_tokens", "max_completion_tokens"]:
        answer = chat(**{name: 3})
        assert answer.choices[0].finish_reason == "length", answer
        assert answer.usage.completion_tokens <= 3, answer


def several_choices_have_seeds_of_their_own():
    answer = chat(n=2, temperature=1.5, seed=3)
    assert [choice.index for choice in answer.choices] == [0, 1], answer
    again = chat(n=2, temperature=1.5, seed=3)
    texts = [choice.message.content for choice in answer.choices]
    assert texts == [choice.message.content for choice in again.choices]
    assert texts[0] != texts[1], texts
    pieces = ["", ""]
    for chunk in chat(n=2, temperature=1.5, seed=3, stream=True):
        for choice in chunk.choices:
            pieces[choice.index] += choice.delta.content or ""
    assert pieces == texts, (pieces, texts)


def tokens_are_told_with_their_alternatives():
    choice = chat(logprobs=True, top_logprobs=3).choices[0]
    tokens = choice.logprobs.content
    assert "".join(token.token for token in tokens) == choice.message.content, choice
    assert all(token.logprob <= 0 and len(token.top_logprobs) == 3 for token in tokens), tokens
    # Greedy: each is the most probable.
    assert all(token.logprob == max(top.logprob for top in token.top_logprobs) for token in tokens), tokens
    streamed = [
        token.token
        for chunk in chat(logprobs=True, stream=True)
        if chunk.choices and chunk.choices[0].logprobs
        for token in chunk.choices[0].logprobs.content
    ]
    assert streamed == [token.token for token in tokens], streamed


def our_own_fields_pass_through_the_package():
    extra = {"specfuse": {"strategy": "cross", "segment_tokens": 5, "trace": True}}
    chunks = list(chat(stream=True, extra_body=extra))
    rounds = [chunk.model_extra["specfuse"] for chunk in chunks if "specfuse" in (chunk.model_extra or {})]
    assert [told["round"] for told in rounds if told] [0] == 1, rounds
    assert any(told["winner"] == "abacus-llama" for told in rounds if told), rounds
    assert any("trace" in told for told in rounds if told), rounds
    error = refused(openai.BadRequestError, lambda: chat(extra_body={"specfuse": {"segment_tokens": 0}}))
    assert error.param == "specfuse.segment_tokens", error.body


def a_recording_is_kept_where_it_is_asked_for():
    answer = chat(extra_body={"specfuse": {"record": True}}, extra_headers={"x-request-id": "kept-1"})
    assert answer.id == "chatcmpl-kept-1", answer
    with urllib.request.urlopen(f"{url}/v1/specfuse/recordings/kept-1", timeout=30) as response:
        recording = json.load(response)
    assert recording["version"] >= 1 and recording["rounds"], recording


def what_is_wrong_is_typed():
    unknown = refused(openai.NotFoundError, lambda: chat(model="nobody"))
    assert unknown.code == "model_not_found" and unknown.param == "model", unknown.body
    refused(openai.NotFoundError, lambda: chat(model="default/nobody"))
    hot = refused(openai.BadRequestError, lambda: chat(temperature=-1))
    assert hot.param == "temperature" and hot.type == "invalid_request_error", hot.body
    wrong_type = refused(openai.BadRequestError, lambda: chat(extra_body={"temperature": "hot"}))
    assert wrong_type.param == "temperature", wrong_type.body
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    tools = refused(openai.BadRequestError, lambda: chat(tools=[tool]))
    assert tools.param == "tools" and "tools" in str(tools), tools.body
    role = refused(openai.BadRequestError, lambda: chat(messages=[{"role": "robot", "content": "x"}]))
    assert role.param == "messages[0].role", role.body
    empty = refused(openai.BadRequestError, lambda: chat(messages=[]))
    assert empty.param == "messages", empty.body


def running():
    with urllib.request.urlopen(f"{url}/v1/specfuse/cluster", timeout=30) as response:
        return json.load(response)["running_generations"]


def a_stream_that_is_closed_is_computed_no_further():
    # Some of so many are long.
    stream = chat(stream=True, temperature=100, max_tokens=4096, n=8)
    for seen, _ in enumerate(stream):
        if seen == 1:
            break
    assert running() >= 1
    stream.close()
    deadline = time.monotonic() + 30
    while running() > 0:
        assert time.monotonic() < deadline, "it goes on"
        time.sleep(0.01)


def strangers_are_told_so(guarded, key, limited):
    for wrong in ["", "wrong"]:
        stranger = openai.OpenAI(base_url=f"{guarded}/v1", api_key=wrong or "x", max_retries=0)
        error = refused(openai.AuthenticationError, stranger.models.list)
        assert error.status_code == 401 and error.code == "invalid_api_key", error.body
    known = openai.OpenAI(base_url=f"{guarded}/v1", api_key=key, max_retries=0)
    assert "85" in known.chat.completions.create(model=MODEL, messages=APPLES).choices[0].message.content
    busy = openai.OpenAI(base_url=f"{guarded}/v1", api_key=limited, max_retries=0)
    busy.chat.completions.create(model=MODEL, messages=APPLES)
    error = refused(openai.RateLimitError, lambda: busy.chat.completions.create(model=MODEL, messages=APPLES))
    assert 1 <= int(error.response.headers["retry-after"]) <= 60, error.response.headers


CHECKS = [
    models_are_ensembles_and_their_members,
    a_chat_is_answered,
    the_pieces_of_a_stream_are_the_answer,
    a_raw_prompt_is_continued,
    an_answer_ends_before_a_stop_string,
    an_answer_is_as_long_as_it_may_be,
    several_choices_have_seeds_of_their_own,
    tokens_are_told_with_their_alternatives,
    our_own_fields_pass_through_the_package,
    a_recording_is_kept_where_it_is_asked_for,
    what_is_wrong_is_typed,
    a_stream_that_is_closed_is_computed_no_further,
]


def main():
    checks = [(check, []) for check in CHECKS] + [(strangers_are_told_so, sys.argv[2:])] * (len(sys.argv) > 2)
    failed = 0
    for check, arguments in checks:
        try:
            check(*arguments)
            print("ok", check.__name__)
        except Exception:
            failed += 1
            print("FAILED", check.__name__)
            traceback.print_exc()
    return 1 if failed else 0


sys.exit(main())
