// OpenAI's package for Node, pointed at a coordinator. Arguments: URL [GUARDED_URL KEY LIMITED_KEY]; ends with 1 where something fails.

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";

import OpenAI from "openai";

const [url, guarded, key, limited] = process.argv.slice(2);
const MODEL = "default";
const MEMBER = "default/abacus-llama";
const APPLES = [{ role: "user", content: "A shop has 47 apples and gets 38 more. How many apples are there now?" }];

const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0, timeout: 60_000 });
const chat = (more, options) => client.chat.completions.create({ model: MODEL, messages: APPLES, temperature: 0, ...more }, options);
const text = (answer) => answer.choices[0].message.content;

async function joined(stream) {
  let all = "";
  for await (const chunk of stream) all += chunk.choices[0]?.delta.content ?? "";
  return all;
}

async function refused(kind, call) {
  const error = await call().then(() => undefined, (error) => error);
  assert.ok(error instanceof kind, `${error} is no ${kind.name}`);
  return error;
}

const running = async () => (await (await fetch(`${url}/v1/specfuse/cluster`)).json()).running_generations;

const checks = {
  async "models are ensembles and their members"() {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    assert.ok(ids.includes(MODEL) && ids.includes(MEMBER), ids.join());
    assert.equal((await client.models.retrieve(MODEL)).id, MODEL);
    // The package encodes the slash.
    assert.equal((await client.models.retrieve(MEMBER)).id, MEMBER);
  },

  async "a chat is answered"() {
    const answer = await chat();
    assert.equal(answer.object, "chat.completion");
    assert.equal(answer.choices[0].finish_reason, "stop");
    assert.match(text(answer), /85/);
    const { prompt_tokens, completion_tokens, total_tokens } = answer.usage;
    assert.equal(total_tokens, prompt_tokens + completion_tokens);
  },

  async "the pieces of a stream are the answer"() {
    const whole = text(await chat({ seed: 7 }));
    assert.equal(await joined(await chat({ seed: 7, stream: true })), whole);
    let usage;
    for await (const chunk of await chat({ stream: true, stream_options: { include_usage: true } })) usage = chunk.usage ?? usage;
    assert.ok(usage.completion_tokens > 0);
  },

  async "a raw prompt is continued"() {
    const answer = await client.completions.create({ model: MODEL, prompt: "47 + 38 =", max_tokens: 8, temperature: 0 });
    assert.equal(answer.object, "text_completion");
    assert.equal(typeof answer.choices[0].text, "string");
  },

  async "an answer ends before a stop string"() {
    const whole = text(await chat());
    const stop = whole.slice(whole.length / 2).slice(0, 3);
    assert.equal(text(await chat({ stop: [stop] })), whole.split(stop)[0]);
  },

  async "an answer is as long as it may be"() {
    const answer = await chat({ max_tokens: 3 });
    assert.equal(answer.choices[0].finish_reason, "length");
    assert.ok(answer.usage.completion_tokens <= 3);
  },

  async "several choices are answers of their own"() {
    const answer = await chat({ n: 2, temperature: 1.5, seed: 3 });
    assert.deepEqual(answer.choices.map((choice) => choice.index), [0, 1]);
    assert.notEqual(answer.choices[0].message.content, answer.choices[1].message.content);
  },

  async "tokens are told with their alternatives"() {
    const answer = await chat({ logprobs: true, top_logprobs: 3 });
    const tokens = answer.choices[0].logprobs.content;
    assert.equal(tokens.map((token) => token.token).join(""), text(answer));
    assert.ok(tokens.every((token) => token.top_logprobs.length === 3));
  },

  async "our own fields pass through the package"() {
    const rounds = [];
    for await (const chunk of await chat({ stream: true, specfuse: { strategy: "cross" } })) {
      if (chunk.specfuse) rounds.push(chunk.specfuse);
    }
    assert.equal(rounds[0].round, 1);
    assert.ok(rounds.some((round) => round.winner === "abacus-llama"));
  },

  async "what is wrong is typed"() {
    const unknown = await refused(OpenAI.NotFoundError, () => chat({ model: "nobody" }));
    assert.equal(unknown.code, "model_not_found");
    const hot = await refused(OpenAI.BadRequestError, () => chat({ temperature: -1 }));
    assert.equal(hot.param, "temperature");
    const tool = { type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } };
    const tools = await refused(OpenAI.BadRequestError, () => chat({ tools: [tool] }));
    assert.equal(tools.param, "tools");
  },

  async "a stream that is left is computed no further"() {
    const stream = await chat({ stream: true, temperature: 100, max_tokens: 4096, n: 8 });
    let seen = 0;
    for await (const _ of stream) {
      seen += 1;
      if (seen < 2) continue;
      assert.ok((await running()) >= 1, "nothing runs");
      break;
    }
    for (let tries = 0; (await running()) > 0; tries += 1) {
      assert.ok(tries < 3000, "it goes on");
      await pause(10);
    }
  },
};

if (guarded) {
  checks["strangers are told so"] = async () => {
    const as = (apiKey) => new OpenAI({ baseURL: `${guarded}/v1`, apiKey, maxRetries: 0 });
    await refused(OpenAI.AuthenticationError, () => as("wrong").models.list());
    const ask = (of) => of.chat.completions.create({ model: MODEL, messages: APPLES });
    assert.match(text(await ask(as(key))), /85/);
    await ask(as(limited));
    const error = await refused(OpenAI.RateLimitError, () => ask(as(limited)));
    assert.ok(Number(error.headers.get("retry-after")) >= 1);
  };
}

for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log("ok", name);
  } catch (error) {
    process.exitCode = 1;
    console.log("FAILED", name);
    console.error(error);
  }
}
