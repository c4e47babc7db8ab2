"use strict";
(() => {
  // src/page.ts
  function address(hash) {
    const [, page = "", ...rest] = hash.split("/");
    return { page, rest: decoded(rest.join("/")) };
  }
  function decoded(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  }

  // src/model/answer.ts
  function emptyAnswer() {
    return {
      id: "",
      ensemble: "",
      strategy: "",
      members: [],
      rounds: [],
      rest: "",
      ending: null,
      usage: null,
      scoreRule: null,
      timing: { first: null, total: null }
    };
  }
  function meet(answer, members) {
    for (const member2 of members) {
      if (!answer.members.includes(member2)) answer.members.push(member2);
    }
  }
  function segments(answer) {
    const shown = answer.rounds.filter((round) => round.text !== "").map((round) => ({ text: round.text, author: round.winner, round: round.round }));
    const last = answer.rounds.findLast((round) => round.winner !== null);
    if (answer.rest !== "") shown.push({ text: answer.rest, author: last?.winner ?? null, round: last?.round ?? 0 });
    return shown;
  }

  // src/model/reader.ts
  var Unreadable = class extends Error {
    name = "Unreadable";
  };
  var Reader = class _Reader {
    #value;
    #path;
    constructor(value2, path = "") {
      this.#value = value2;
      this.#path = path;
    }
    static parse(json) {
      try {
        return new _Reader(JSON.parse(json));
      } catch {
        throw new Unreadable("this is not JSON");
      }
    }
    get raw() {
      return this.#value;
    }
    get isAbsent() {
      return this.#value === null || this.#value === void 0;
    }
    has(name) {
      return !this.field(name).isAbsent;
    }
    field(name) {
      if (typeof this.#value !== "object" || this.#value === null || Array.isArray(this.#value)) throw this.#not("an object");
      const value2 = Object.hasOwn(this.#value, name) ? Reflect.get(this.#value, name) : void 0;
      return new _Reader(value2, this.#path === "" ? name : `${this.#path}.${name}`);
    }
    text() {
      if (typeof this.#value !== "string") throw this.#not("a text");
      return this.#value;
    }
    number() {
      if (typeof this.#value !== "number") throw this.#not("a number");
      return this.#value;
    }
    boolean() {
      if (typeof this.#value !== "boolean") throw this.#not("true or false");
      return this.#value;
    }
    list(read) {
      if (!Array.isArray(this.#value)) throw this.#not("a list");
      return this.#value.map((item2, at) => read(new _Reader(item2, `${this.#path}[${at}]`)));
    }
    texts() {
      return this.list((item2) => item2.text());
    }
    numbers() {
      return this.list((item2) => item2.number());
    }
    optional(read) {
      return this.isAbsent ? null : read(this);
    }
    #not(what) {
      return new Unreadable(`${this.#path === "" ? "this" : this.#path} is not ${what}`);
    }
  };

  // src/model/round.ts
  function readRound(from) {
    return {
      round: from.field("round").number(),
      stage: from.field("stage").number(),
      text: from.field("text").text(),
      active: from.field("active").texts(),
      drafts: from.field("drafts").list(readDraft),
      candidates: from.field("candidates").list(readCandidate),
      scores: from.field("scores").list(readScore),
      winningCandidate: from.field("winning_candidate").optional((it) => it.number()),
      winner: from.field("winner").optional((it) => it.text()),
      decidedBy: from.field("decided_by").text(),
      weights: from.field("weights").optional((it) => it.numbers()),
      keep: from.field("keep").optional((it) => it.numbers()),
      quality: from.field("quality").numbers(),
      entropy: from.field("entropy").optional((it) => it.number()),
      exits: from.field("exits").list(readExit),
      recalled: from.field("recalled").texts(),
      draftMicros: from.field("draft_micros").number(),
      scoreMicros: from.field("score_micros").number(),
      isTraced: true
    };
  }
  function readExit(from) {
    return {
      member: from.field("member").text(),
      reason: from.field("reason").text(),
      detail: from.field("detail").optional((it) => it.text()) ?? ""
    };
  }
  function readDraft(from) {
    const member2 = from.field("member").text();
    const outcome = from.field("outcome").text();
    if (outcome === "failed" || outcome === "context_full" || outcome === "refused") {
      return { outcome, member: member2, why: from.field("why").text() };
    }
    return {
      outcome: "drafted",
      member: member2,
      text: from.field("text").text(),
      finished: from.field("finished").boolean(),
      tokens: from.field("tokens").number(),
      // JSON has no infinities: they come as null.
      logprobs: from.field("token_logprobs").list((it) => it.optional((value2) => value2.number())).filter((value2) => value2 !== null),
      computed: from.field("tokens_computed").number(),
      cached: from.field("tokens_cached").number()
    };
  }
  function readCandidate(from) {
    return {
      text: from.field("text").text(),
      finished: from.field("finished").boolean(),
      authors: from.field("authors").texts(),
      aggregate: from.field("aggregate").optional((it) => it.number())
    };
  }
  function readScore(from) {
    const member2 = from.field("member").text();
    const outcome = from.field("outcome").text();
    if (outcome === "abstained" || outcome === "failed") return { outcome, member: member2, why: from.field("why").text() };
    return {
      outcome: "scored",
      member: member2,
      means: from.field("means").numbers(),
      tokens: from.field("terms").list((terms) => terms.list((term) => term).length)
    };
  }

  // src/model/usage.ts
  function readUsage(from) {
    const told2 = from.field("specfuse");
    return {
      promptTokens: from.field("prompt_tokens").number(),
      completionTokens: from.field("completion_tokens").number(),
      rounds: told2.field("rounds").number(),
      membersPerRound: told2.field("members_per_round").optional((it) => it.number()),
      draftCalls: told2.field("draft_calls").number(),
      scoreCalls: told2.field("score_calls").number(),
      members: told2.field("members").list((member2) => ({
        member: member2.field("member").text(),
        segmentsWon: member2.field("segments_won").number(),
        bytesWon: member2.field("bytes_won").number(),
        draftedTokens: member2.field("drafted_tokens").number(),
        scoredTokens: member2.field("scored_tokens").number(),
        computedTokens: member2.field("tokens_computed").number(),
        cachedTokens: member2.field("tokens_cached").number()
      }))
    };
  }
  function countUsage(answer) {
    const { rounds } = answer;
    const seats = rounds.reduce((sum, round) => sum + round.active.length, 0);
    const rows = rounds.flatMap((round) => round.scores);
    return {
      promptTokens: null,
      completionTokens: rounds.reduce((sum, round) => sum + wonTokens(round), 0),
      rounds: rounds.length,
      membersPerRound: rounds.length === 0 ? null : seats / rounds.length,
      draftCalls: rounds.reduce((sum, round) => sum + round.drafts.length, 0),
      scoreCalls: rows.length,
      members: answer.members.map((member2) => shareOf(answer, member2))
    };
  }
  function wonTokens(round) {
    const draft = round.drafts.find((drafted) => drafted.member === round.winner);
    return draft?.outcome === "drafted" ? draft.tokens : 0;
  }
  function shareOf(answer, member2) {
    const drafts = answer.rounds.flatMap((round) => round.drafts.filter((draft) => draft.member === member2));
    const rows = answer.rounds.flatMap((round) => round.scores.filter((score) => score.member === member2));
    const written = segments(answer).filter((segment) => segment.author === member2);
    return {
      member: member2,
      segmentsWon: answer.rounds.filter((round) => round.winner === member2).length,
      bytesWon: new TextEncoder().encode(written.map((segment) => segment.text).join("")).length,
      draftedTokens: drafts.reduce((sum, draft) => sum + (draft.outcome === "drafted" ? draft.tokens : 0), 0),
      scoredTokens: rows.reduce(
        (sum, row) => sum + (row.outcome === "scored" ? row.tokens.reduce((tokens, count2) => tokens + count2, 0) : 0),
        0
      ),
      computedTokens: null,
      cachedTokens: null
    };
  }

  // src/model/stream.ts
  var StreamFailed = class extends Error {
    name = "StreamFailed";
  };
  var ID_PREFIX = "chatcmpl-";
  var DONE = "[DONE]";
  function take(answer, payload, now) {
    if (payload === DONE) return true;
    const chunk = Reader.parse(payload);
    if (chunk.has("error")) throw new StreamFailed(chunk.field("error").field("message").text());
    answer.id ||= chunk.field("id").text().replace(ID_PREFIX, "");
    if (chunk.has("usage")) answer.usage = readUsage(chunk.field("usage"));
    for (const choice of chunk.field("choices").list((it) => it)) takeChoice(answer, chunk, choice, now);
    return false;
  }
  function takeChoice(answer, chunk, choice, now) {
    const text = choice.field("delta").field("content").optional((it) => it.text()) ?? "";
    if (text !== "") answer.timing.first ??= now;
    const round = chunk.has("specfuse") ? readTold(chunk.field("specfuse"), text) : null;
    if (round !== null && !answer.rounds.some((known) => known.round === round.round)) {
      meet(answer, round.active);
      answer.rounds.push(round);
    } else {
      answer.rest += text;
    }
    const reason = choice.field("finish_reason").optional((it) => it.text());
    if (reason !== null) answer.ending = { reason, error: null };
  }
  function readTold(told2, text) {
    if (told2.has("trace")) return { ...readRound(told2.field("trace")), text };
    if (!told2.has("round")) return null;
    return {
      round: told2.field("round").number(),
      stage: 0,
      text,
      active: told2.field("active").texts(),
      drafts: [],
      candidates: [],
      scores: [],
      winningCandidate: null,
      winner: told2.field("winner").optional((it) => it.text()),
      decidedBy: told2.field("decided_by").text(),
      weights: null,
      keep: null,
      quality: [],
      entropy: null,
      exits: told2.field("exits").list(readExit),
      recalled: [],
      draftMicros: 0,
      scoreMicros: 0,
      isTraced: false
    };
  }

  // src/model/format.ts
  var integer = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
  var oneDigit = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
  function fixed(value2, digits) {
    return value2.toFixed(digits).replace("-", "−");
  }
  function count(value2) {
    return integer.format(value2);
  }
  function decimal(value2) {
    return oneDigit.format(value2);
  }
  function percent(part) {
    return part > 0 && part < 5e-3 ? "< 1 %" : `${Math.round(part * 100)} %`;
  }
  function many(value2, noun) {
    return `${count(value2)} ${noun}${value2 === 1 ? "" : "s"}`;
  }
  function millis(value2) {
    if (value2 >= 1e3) return `${(value2 / 1e3).toFixed(2)} s`;
    return `${value2 < 10 ? value2.toFixed(1) : value2.toFixed(0)} ms`;
  }
  function micros(value2) {
    return millis(value2 / 1e3);
  }
  function large(value2) {
    const units = [[1e9, "B"], [1e6, "M"], [1e3, "K"]];
    const unit = units.find(([size]) => value2 >= size);
    return unit === void 0 ? count(value2) : `${(value2 / unit[0]).toPrecision(3)} ${unit[1]}`;
  }
  function seconds(value2) {
    if (value2 < 60) return `${decimal(value2)} s`;
    if (value2 < 3600) return `${Math.floor(value2 / 60)} min`;
    return `${Math.floor(value2 / 3600)} h ${Math.floor(value2 % 3600 / 60)} min`;
  }
  function sentence(text) {
    const first = text.slice(0, 1).toUpperCase() + text.slice(1);
    return /[.!?]$/.test(first) ? first : `${first}.`;
  }

  // src/dom.ts
  function el(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    set(element, attributes);
    element.append(...children.filter((child) => child !== null));
    return element;
  }
  function svg(tag, attributes = {}, ...children) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    set(element, attributes);
    element.append(...children.filter((child) => child !== null));
    return element;
  }
  function set(element, attributes) {
    for (const [name, value2] of Object.entries(attributes)) {
      if (value2 === void 0 || value2 === false) continue;
      element.setAttribute(name, value2 === true ? "" : String(value2));
    }
  }
  function th(scope, attributes, ...children) {
    return el("th", { scope, ...attributes }, ...children);
  }
  function scrolling(label, table) {
    return el("div", { class: "scroll", role: "region", "aria-label": label, tabindex: 0 }, table);
  }

  // src/api/key.ts
  var STORED = "specfuse.key";
  function key() {
    return sessionStorage.getItem(STORED);
  }
  var asking = null;
  function askForKey(why) {
    asking ??= openDialog(why).finally(() => {
      asking = null;
    });
    return asking;
  }
  function openDialog(why) {
    const input = el("input", { type: "password", id: "key", name: "key", required: true, autocomplete: "off", spellcheck: false });
    const cancel = el("button", { type: "button", class: "quiet" }, "Cancel");
    const form = el(
      "form",
      { method: "dialog" },
      el("h2", { id: "key-title" }, "API key"),
      el("p", { class: "dim" }, sentence(why)),
      el("label", { for: "key" }, "Key"),
      input,
      el("p", { class: "note" }, "Kept in this tab until it is closed, and sent to this coordinator only."),
      el("div", { class: "actions" }, cancel, el("button", { type: "submit", class: "primary" }, "Use this key"))
    );
    const dialog = el("dialog", { "aria-labelledby": "key-title" }, form);
    const before = document.activeElement;
    cancel.addEventListener("click", () => dialog.close(""));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      sessionStorage.setItem(STORED, input.value.trim());
      dialog.close("given");
    });
    document.body.append(dialog);
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => {
        dialog.remove();
        if (before instanceof HTMLElement) before.focus();
        resolve(dialog.returnValue === "given");
      });
    });
  }

  // src/api/http.ts
  var Refused = class extends Error {
    name = "Refused";
    status;
    constructor(status, message) {
      super(message);
      this.status = status;
    }
  };
  var Unreachable = class extends Error {
    name = "Unreachable";
  };
  async function call(path, init = {}) {
    for (; ; ) {
      const shown = key();
      const response = await send(path, init, shown);
      if (response.ok) return response;
      const refused = await refusal(response);
      if (refused.status !== 401) throw refused;
      const isStale = key() !== shown;
      if (!isStale && !await askForKey(refused.message)) throw refused;
    }
  }
  async function send(path, init, shown) {
    const headers = new Headers(init.headers);
    try {
      if (shown !== null) headers.set("Authorization", `Bearer ${shown}`);
      return await fetch(path, { ...init, headers, cache: "no-store" });
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      throw new Unreachable("The coordinator does not answer.");
    }
  }
  async function refusal(response) {
    const body2 = await response.text();
    try {
      return new Refused(response.status, Reader.parse(body2).field("error").field("message").text());
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      return new Refused(response.status, body2 === "" ? `HTTP status ${response.status}` : body2.slice(0, 300));
    }
  }
  function inWords(error) {
    if (error instanceof Refused) {
      const after = error.status === 429 ? " Try again in a moment." : "";
      return `${sentence(error.message)}${after} (HTTP ${error.status})`;
    }
    if (error instanceof Unreadable) return `The coordinator sent something that this page cannot read: ${error.message}.`;
    return sentence(error instanceof Error ? error.message : String(error));
  }

  // src/api/sse.ts
  var EventReader = class {
    #decoder = new TextDecoder();
    #rest = "";
    #data = [];
    /** The payloads of the events that this piece completes. */
    push(piece) {
      return this.#lines(this.#decoder.decode(piece, { stream: true }));
    }
    /** What a body that ends without its last empty line has left. */
    end() {
      const events3 = this.#lines(this.#decoder.decode());
      if (this.#rest !== "") events3.push(...this.#lines("\n"));
      return [...events3, ...this.#dispatch()];
    }
    #lines(text) {
      const lines = (this.#rest + text).split("\n");
      this.#rest = lines.pop() ?? "";
      return lines.flatMap((line) => this.#line(line.endsWith("\r") ? line.slice(0, -1) : line));
    }
    #line(line) {
      if (line === "") return this.#dispatch();
      if (line.startsWith("data:")) this.#data.push(line.slice(line.startsWith("data: ") ? 6 : 5));
      return [];
    }
    #dispatch() {
      if (this.#data.length === 0) return [];
      const event = this.#data.join("\n");
      this.#data = [];
      return [event];
    }
  };
  async function* events(body2) {
    const pieces = body2.getReader();
    const reader = new EventReader();
    try {
      for (; ; ) {
        const { done, value: value2 } = await pieces.read();
        yield* done ? reader.end() : reader.push(value2);
        if (done) return;
      }
    } finally {
      pieces.releaseLock();
    }
  }

  // src/api/ask.ts
  async function* ask(question, answer, stop) {
    const asked = performance.now();
    const response = await call("/v1/chat/completions", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body(question)),
      signal: stop
    });
    answer.id = response.headers.get("x-request-id") ?? "";
    if (response.body === null) throw new StreamFailed("The answer has no body.");
    try {
      for await (const event of events(response.body)) {
        const isLast = take(answer, event, performance.now() - asked);
        yield answer;
        if (isLast) return;
      }
      throw new StreamFailed("The connection ended before the answer did.");
    } catch (error) {
      throw error instanceof TypeError ? new StreamFailed("The connection was lost before the answer ended.") : error;
    } finally {
      answer.timing.total = performance.now() - asked;
    }
  }
  function begin(question, members, ensembleRule) {
    const asked = question.rules["score"];
    const scoreRule = typeof asked === "string" ? asked : ensembleRule;
    return { ...emptyAnswer(), ensemble: question.ensemble, strategy: question.strategy, members: [...members], scoreRule };
  }
  function body(question) {
    const system = question.system.trim() === "" ? [] : [{ role: "system", content: question.system }];
    return {
      model: question.ensemble,
      messages: [...system, { role: "user", content: question.question }],
      stream: true,
      stream_options: { include_usage: true },
      ...question.maxTokens === null ? {} : { max_tokens: question.maxTokens },
      ...question.temperature === null ? {} : { temperature: question.temperature },
      ...question.seed === null ? {} : { seed: question.seed },
      specfuse: { trace: true, record: true, ...question.strategy === "" ? {} : { strategy: question.strategy }, ...question.rules }
    };
  }

  // src/model/cluster.ts
  function readCluster(json) {
    const from = Reader.parse(json);
    return {
      workers: from.field("workers").list(readWorker),
      discoverySeconds: from.field("discovery_last_sync_seconds").optional((it) => it.number()),
      running: from.field("running_generations").number(),
      waiting: from.field("waiting_generations").number(),
      ensembles: from.field("ensembles").list(readEnsemble),
      activity: readActivity(from.field("activity"))
    };
  }
  function defaultEnsemble(cluster) {
    return cluster.ensembles.find((ensemble) => ensemble.name === "default") ?? cluster.ensembles[0];
  }
  function readWorker(from) {
    return {
      endpoint: from.field("endpoint").text(),
      state: from.field("state").text(),
      error: from.field("error").optional((it) => it.text()) ?? "",
      callsInFlight: from.field("calls_in_flight").number(),
      description: from.field("description").optional(readDescription)
    };
  }
  function readDescription(from) {
    return {
      model: from.field("model").text(),
      family: from.field("family").text(),
      parameters: from.field("parameters").number(),
      contextLength: from.field("context_length").number(),
      dtype: from.field("dtype").text(),
      device: from.field("device").text(),
      build: from.field("build").text(),
      cacheTokens: from.field("cache_tokens").number(),
      fingerprint: from.field("fingerprint").text(),
      load: from.field("load").optional((load) => ({
        liveSequences: load.field("live_sequences").number(),
        waitingCalls: load.field("waiting_calls").number(),
        engineSteps: load.field("engine_steps").number(),
        cachedTokens: load.field("cached_tokens").number()
      }))
    };
  }
  function readEnsemble(from) {
    return {
      name: from.field("name").text(),
      members: from.field("members").texts(),
      isReady: from.field("ready").boolean(),
      score: ruleName(from.field("score")),
      exit: ruleName(from.field("exit")),
      weights: ruleName(from.field("weights")),
      segmentTokens: from.field("segment_tokens").number(),
      defaultMaxTokens: from.field("default_max_tokens").number(),
      maxTokensLimit: from.field("max_tokens_limit").number(),
      strategies: from.field("strategies").list((it) => ({ name: it.field("name").text(), kind: it.field("kind").text() })),
      defaultStrategy: from.field("default_strategy").text(),
      adjustable: from.field("adjustable").texts()
    };
  }
  function ruleName(from) {
    return typeof from.raw === "string" ? from.raw : from.field("rule").optional((it) => it.text()) ?? JSON.stringify(from.raw);
  }
  function readActivity(from) {
    return {
      seconds: from.field("seconds").number(),
      answers: from.field("answers").number(),
      tokensPerSecond: from.field("completion_tokens_per_second").number(),
      membersPerRound: from.field("members_per_round").optional((it) => it.number()),
      members: from.field("members").list((member2) => ({
        member: member2.field("member").text(),
        draftedPerSecond: member2.field("drafted_tokens_per_second").number(),
        scoredPerSecond: member2.field("scored_tokens_per_second").number(),
        segmentsWon: member2.field("segments_won").number()
      }))
    };
  }

  // src/model/words.ts
  function decidedBy(word) {
    const words = {
      none: "nothing was decided",
      nothing: "nothing was decided",
      unopposed: "the only candidate, unscored",
      scores: "everyone’s scores",
      author: "the author’s own certainty",
      blend: "scores and the author’s certainty",
      gate: "the leader was certain, unscored",
      majority: "the final answer of most"
    };
    return words[word] ?? word;
  }
  function exitReason(word) {
    const words = {
      quality: "its quality fell below the threshold",
      context_full: "its context is full",
      refused: "its chat template refuses these messages",
      failed: "it failed too often",
      budget: "the budget of calls has no room for it"
    };
    return words[word] ?? word;
  }
  function missed(outcome) {
    const words = { failed: "failed", context_full: "context full", refused: "refused" };
    return words[outcome] ?? outcome;
  }
  function ending(reason) {
    const words = {
      stop: "complete",
      length: "cut at the longest length",
      failed: "failed",
      stopped: "stopped by you"
    };
    return words[reason] ?? reason;
  }

  // src/model/series.ts
  var quality = (round, seat) => round.quality[seat] ?? null;
  var keep = (round, seat) => round.keep?.[seat] ?? null;
  function series(rounds, members, measure) {
    return members.map((member2) => {
      const stretches = [];
      const departures = [];
      let stretch = [];
      let last = null;
      let stage = -1;
      for (const round of rounds) {
        const seat = round.active.indexOf(member2);
        if (round.stage !== stage || seat < 0) {
          stretch = [];
          stage = round.stage;
        }
        const value2 = seat < 0 ? null : measure(round, seat);
        if (value2 !== null) {
          last = { round: round.round, value: value2 };
          if (stretch.length === 0) stretches.push(stretch);
          stretch.push(last);
        }
        const exit = round.exits.find((left) => left.member === member2);
        if (exit !== void 0 && last !== null) departures.push({ ...last, round: round.round, reason: exit.reason });
      }
      return { member: member2, stretches: stretches.filter((points) => points.length > 0), departures };
    });
  }
  function highest(lines) {
    return Math.max(0, ...lines.flatMap((line) => line.stretches.flatMap((points) => points.map((point) => point.value))));
  }

  // src/view/axis.ts
  function ticks(top, most) {
    if (!(top > 0)) return [0];
    const rough = top / most;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough * 0.999) ?? rough;
    return Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, at) => at * step);
  }
  function spread(heights, gap, least, most) {
    const order = heights.map((height, at) => ({ height, at })).sort((one, other) => one.height - other.height);
    let before = least - gap;
    for (const label of order) before = label.height = Math.max(label.height, before + gap);
    let after = most + gap;
    for (const label of order.toReversed()) after = label.height = Math.min(label.height, after - gap);
    return order.sort((one, other) => one.at - other.at).map((label) => label.height);
  }

  // src/view/chart.ts
  var HEIGHT = 190;
  var EDGE = { left: 36, right: 26, top: 10, bottom: 30 };
  var LABEL_GAP = 13;
  var LEAST_TICK_WIDTH = 30;
  var CROSS = 4;
  function draw(chart, width, palette) {
    const [first, last] = chart.rounds;
    const inner = Math.max(1, width - EDGE.left - EDGE.right);
    const tall = HEIGHT - EDGE.top - EDGE.bottom;
    const x = (round) => EDGE.left + (last === first ? inner / 2 : (round - first) / (last - first) * inner);
    const y = (value2) => EDGE.top + tall * (1 - value2 / (chart.top || 1));
    const picture = svg("svg", { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": told(chart) });
    picture.append(...axes(chart, x, y, inner));
    if (chart.marked !== null) {
      picture.append(svg("line", { class: "marked", x1: x(chart.marked), x2: x(chart.marked), y1: EDGE.top, y2: EDGE.top + tall }));
    }
    picture.append(...chart.lines.flatMap((line) => member(line, x, y, palette)), ...labels(chart.lines, x, y, palette));
    picture.addEventListener("click", (event) => {
      const part = (event.clientX - picture.getBoundingClientRect().left - EDGE.left) / inner;
      chart.pick(Math.round(first + Math.min(1, Math.max(0, part)) * (last - first)));
    });
    return el("figure", { class: "chart" }, el("figcaption", {}, chart.title), picture);
  }
  function axes(chart, x, y, inner) {
    const [first, last] = chart.rounds;
    const horizontal = ticks(chart.top, 4).flatMap((value2) => [
      svg("line", { class: "grid", x1: EDGE.left, x2: EDGE.left + inner, y1: y(value2), y2: y(value2) }),
      svg("text", { class: "tick", x: EDGE.left - 6, y: y(value2) + 4, "text-anchor": "end" }, fixed(value2, chart.top < 2 ? 2 : 1))
    ]);
    const step = Math.max(1, Math.ceil((last - first + 1) / Math.max(1, inner / LEAST_TICK_WIDTH)));
    const vertical = Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, at) => first + at * step).map(
      (round) => svg("text", { class: "tick", x: x(round), y: HEIGHT - EDGE.bottom + 15, "text-anchor": "middle" }, String(round))
    );
    const name = svg("text", { class: "tick", x: EDGE.left + inner, y: HEIGHT - 3, "text-anchor": "end" }, "round");
    return [...horizontal, ...vertical, name];
  }
  function member(line, x, y, palette) {
    const colour = palette.colour(line.member);
    const path = (points) => points.map((point) => `${x(point.round)},${y(point.value)}`).join(" ");
    const drawn = line.stretches.map((points) => {
      const [only] = points;
      if (points.length === 1 && only !== void 0) return svg("circle", { class: `dot ${colour}`, cx: x(only.round), cy: y(only.value), r: 3 });
      return svg("polyline", { class: `line ${colour}`, points: path(points) });
    });
    const left = line.departures.map((departure) => {
      const at = [x(departure.round), y(departure.value)];
      const cross = `M${at[0] - CROSS} ${at[1] - CROSS}l${2 * CROSS} ${2 * CROSS}m0 ${-2 * CROSS}l${-2 * CROSS} ${2 * CROSS}`;
      const why = `${line.member} left in round ${departure.round}: ${exitReason(departure.reason)}`;
      return svg("path", { class: `cross ${colour}`, d: cross, "data-tip": why });
    });
    return [...drawn, ...left];
  }
  function labels(lines, x, y, palette) {
    const ends = lines.flatMap((line) => {
      const end = line.stretches.at(-1)?.at(-1);
      return end === void 0 ? [] : [{ member: line.member, x: x(end.round) + 7, y: y(end.value) + 4 }];
    });
    const columns = [...new Set(ends.map((end) => end.x))].map((x2) => ends.filter((end) => end.x === x2));
    return columns.flatMap((column2) => {
      const heights = spread(column2.map((end) => end.y), LABEL_GAP, EDGE.top + 8, HEIGHT - EDGE.bottom);
      return column2.map(
        (end, at) => svg("text", { class: `end ${palette.colour(end.member)}`, x: end.x, y: heights[at] ?? end.y }, palette.letter(end.member))
      );
    });
  }
  function told(chart) {
    const members = chart.lines.map((line) => {
      const end = line.stretches.at(-1)?.at(-1);
      const left = line.departures.at(-1);
      const value2 = end === void 0 ? "no value" : `${fixed(end.value, 3)} in round ${end.round}`;
      return `${line.member}: ${value2}${left === void 0 ? "" : `, left in round ${left.round}`}`;
    });
    return `${chart.title}. ${members.join("; ")}.`;
  }

  // src/view/charts.ts
  var Charts = class {
    element = el("section", { class: "card charts", "aria-labelledby": "charts-title", hidden: true });
    #pictures = el("div", { class: "pictures" });
    #palette;
    #open;
    #answer = null;
    #marked = null;
    #width = 0;
    #frame = 0;
    constructor(palette, open) {
      this.#palette = palette;
      this.#open = open;
      this.element.append(
        el("header", {}, el("h2", { id: "charts-title" }, "Members over the rounds")),
        this.#pictures,
        el("p", { class: "note" }, "A cross marks where a member left. Letters are those of the legend.")
      );
      new ResizeObserver(() => {
        if (this.#pictures.clientWidth !== this.#width) this.#later();
      }).observe(this.#pictures);
    }
    update(answer) {
      this.#answer = answer;
      this.#later();
    }
    mark(round) {
      this.#marked = round;
      this.#later();
    }
    /** At most once a frame, however fast rounds come. */
    #later() {
      if (this.#frame !== 0) return;
      this.#frame = requestAnimationFrame(() => {
        this.#frame = 0;
        this.#redraw();
      });
    }
    #redraw() {
      const answer = this.#answer;
      const first = answer?.rounds[0];
      this.element.hidden = first === void 0 || !answer?.rounds.some((round) => round.quality.length > 0);
      if (this.element.hidden || answer === null || first === void 0) return;
      this.#width = this.#pictures.clientWidth;
      const rounds = [first.round, answer.rounds.at(-1)?.round ?? first.round];
      const chart = (title, measure) => {
        const lines = series(answer.rounds, answer.members, measure);
        if (lines.every((line) => line.stretches.length === 0)) return null;
        const shown = { title, lines, rounds, top: highest(lines), marked: this.#marked, pick: this.#open };
        return draw(shown, this.#width, this.#palette);
      };
      const pictures = [chart("Quality Q", quality), chart("Probability to stay p", keep)];
      this.#pictures.replaceChildren(...pictures.filter((picture) => picture !== null));
    }
  };

  // src/view/legend.ts
  function legend(answer, palette) {
    const last = answer.rounds.at(-1);
    const isOver = answer.ending !== null;
    const used = answer.members.filter((member2) => last === void 0 || answer.rounds.some((known) => known.active.includes(member2)));
    const items = used.map((member2) => {
      const round = answer.rounds.findLast((known) => known.exits.some((exit) => exit.member === member2));
      const isBack = answer.rounds.some((known) => round !== void 0 && known.round > round.round && known.active.includes(member2));
      const hasLeft = round !== void 0 && !isBack;
      const state3 = hasLeft ? `left in round ${round.round}` : last?.active.includes(member2) === true && !isOver ? "active" : "";
      return el("li", { class: hasLeft ? "left" : void 0 }, palette.chip(member2, el("span", { class: "dim" }, state3)));
    });
    return el("ul", { class: "legend", "aria-label": "Members" }, ...items);
  }

  // src/view/palette.ts
  var COLOURS = 10;
  var Palette = class {
    #members;
    /** The list may grow later; who is on it keeps its place. */
    constructor(members) {
      this.#members = members;
    }
    /** The class that brings the colour. */
    colour(member2) {
      const at = member2 === null ? -1 : this.#members.indexOf(member2);
      return at < 0 ? "nobody" : `m${at % COLOURS}`;
    }
    /** A, B, … Z, A2, … */
    letter(member2) {
      const at = member2 === null ? -1 : this.#members.indexOf(member2);
      if (at < 0) return "·";
      const letter = String.fromCharCode(65 + at % 26);
      return at < 26 ? letter : `${letter}${Math.floor(at / 26) + 1}`;
    }
    badge(member2) {
      return el("span", { class: `letter ${this.colour(member2)}`, "aria-hidden": "true" }, this.letter(member2));
    }
    chip(member2, ...more) {
      return el("span", { class: "chip" }, this.badge(member2), el("span", { class: "name" }, member2), ...more);
    }
  };

  // src/view/candidates.ts
  function candidateList(round, palette) {
    const shown = round.candidates.length === 0 ? proposals(round) : round.candidates;
    if (shown.length === 0) return el("p", { class: "dim" }, "There were none.");
    const items = shown.map((candidate, at) => item(round, candidate, at === round.winningCandidate, palette));
    return el("ol", { class: "candidates" }, ...items);
  }
  function proposals(round) {
    return round.drafts.flatMap(
      (draft) => draft.outcome === "drafted" && (draft.text !== "" || draft.finished) ? [{ text: draft.text, finished: draft.finished, authors: [draft.member], aggregate: null }] : []
    );
  }
  function item(round, candidate, hasWon, palette) {
    const authors = candidate.authors.map((author) => palette.chip(author, el("span", { class: "dim" }, own(round, author))));
    return el(
      "li",
      { class: hasWon ? `won ${palette.colour(round.winner)}` : void 0 },
      el(
        "div",
        { class: "draft" },
        candidate.text === "" ? el("span", { class: "dim" }, "no more text") : el("q", {}, candidate.text),
        candidate.finished ? el("span", { class: "mark" }, "ends the answer") : null,
        hasWon ? el("span", { class: "mark win" }, "winner") : null
      ),
      el("div", { class: "authors" }, ...authors)
    );
  }
  function own(round, author) {
    const draft = round.drafts.find((drafted) => drafted.member === author);
    if (draft?.outcome !== "drafted") return "";
    const { logprobs } = draft;
    const tokens = many(draft.tokens, "token");
    if (logprobs.length === 0) return tokens;
    return `${tokens} · own mean ${fixed(logprobs.reduce((sum, value2) => sum + value2, 0) / logprobs.length, 3)}`;
  }

  // src/model/heat.ts
  function heat(round, rule) {
    const rows = round.scores.map((score) => {
      const at = round.active.indexOf(score.member);
      const weight = round.weights?.[at] ?? null;
      if (score.outcome !== "scored") return { member: score.member, weight, cells: null, why: `${score.outcome}: ${score.why}` };
      if (score.means.length === 0) return { member: score.member, weight, cells: null, why: "abstained: not counted" };
      const means = round.candidates.map((_, candidate) => score.means[candidate] ?? null);
      return { member: score.member, weight, cells: cells(means, rule), why: "" };
    });
    const ranked = round.candidates.map((candidate) => candidate.aggregate);
    const aggregateRule = round.decidedBy === "scores" ? rule : null;
    return { rows, aggregate: ranked.some((value2) => value2 !== null) ? cells(ranked, aggregateRule) : null };
  }
  function cells(values, rule) {
    const known = values.filter((value2) => value2 !== null);
    const best = Math.max(...known);
    return values.map((value2) => ({
      value: value2,
      shade: value2 === null ? 0 : shade(value2, known, rule),
      isBest: value2 !== null && value2 === best
    }));
  }
  function shade(value2, row, rule) {
    const isLogarithm = rule === "mean_logprob" || rule === null && row.some((other) => other < 0);
    const most = Math.max(...row);
    const part = isLogarithm ? Math.exp(value2) : most > 1 ? value2 / most : value2;
    return Math.min(1, Math.max(0, part));
  }

  // src/view/scores.ts
  function scoreTable(round, rule, palette) {
    const { rows, aggregate } = heat(round, rule);
    if (rows.length === 0 && aggregate === null) return null;
    const weighted = rows.some((row) => row.weight !== null);
    const head = el(
      "tr",
      {},
      th("col", {}, "scorer"),
      weighted ? th("col", { class: "number" }, "weight") : null,
      ...round.candidates.map((candidate, at) => column(at, candidate.authors, at === round.winningCandidate, palette))
    );
    const body2 = rows.map((row) => scorer(row, weighted, round, palette));
    const foot = aggregate === null ? null : el("tfoot", {}, total(round, aggregate, weighted));
    const table = el("table", { class: "heat" }, el("thead", {}, head), el("tbody", {}, ...body2), foot);
    const legend2 = el("p", { class: "note" }, note(round, rule));
    return el("div", {}, scrolling("Scores", table), legend2);
  }
  function column(at, authors, hasWon, palette) {
    return th(
      "col",
      { class: hasWon ? "number won" : "number", "aria-label": `candidate ${at + 1}, by ${authors.join(", ")}${hasWon ? ", winner" : ""}` },
      el("span", {}, `${at + 1}`),
      ...authors.map((author) => palette.badge(author))
    );
  }
  function scorer(row, weighted, round, palette) {
    const weight = weighted ? el("td", { class: "number dim" }, row.weight === null ? "–" : fixed(row.weight, 3)) : null;
    const cells2 = row.cells === null ? [el("td", { class: "abstained", colspan: Math.max(1, round.candidates.length) }, row.why)] : row.cells.map((cell, at) => shaded(cell, at === round.winningCandidate));
    return el("tr", {}, th("row", {}, palette.chip(row.member)), weight, ...cells2);
  }
  function total(round, aggregate, weighted) {
    return el(
      "tr",
      {},
      th("row", { colspan: weighted ? 2 : 1 }, round.decidedBy === "majority" ? "members that agree" : "aggregate"),
      ...aggregate.map((cell, at) => shaded(cell, at === round.winningCandidate, round.decidedBy === "majority" ? 0 : 3))
    );
  }
  function shaded(cell, hasWon, digits = 3) {
    const text = cell.value === null ? "–" : fixed(cell.value, digits);
    const element = el("td", { class: `number${cell.isBest ? " best" : ""}${hasWon ? " won" : ""}` }, text);
    element.style.setProperty("--shade", `${Math.round(cell.shade * 100)}%`);
    return element;
  }
  function note(round, rule) {
    if (round.decidedBy === "majority") return "How many members came to the same final answer.";
    if (round.scores.length === 0) return "Ranked by the author’s mean log-probability of all that it has drafted; nobody was asked to score.";
    const unit = rule === "mean_prob" ? "Mean probability of the candidate’s tokens" : "Mean log-probability of the candidate’s tokens";
    return `${unit}, shaded by the probability that it stands for. Bold: the best of its row.`;
  }

  // src/view/standing.ts
  function standingTable(round, palette) {
    const head = el(
      "tr",
      {},
      th("col", {}, "member"),
      th("col", { class: "number" }, "quality Q"),
      th("col", { class: "number" }, "keep p")
    );
    const body2 = round.active.map((member2, seat) => {
      const kept = round.keep?.[seat];
      const leaves = round.exits.some((exit) => exit.member === member2);
      return el(
        "tr",
        {},
        th("row", {}, palette.chip(member2, leaves ? el("span", { class: "mark out" }, "leaves") : null)),
        el("td", { class: "number" }, value(round.quality[seat])),
        el("td", { class: "number" }, value(kept))
      );
    });
    return scrolling("Standing after the round", el("table", {}, el("thead", {}, head), el("tbody", {}, ...body2)));
  }
  function value(known) {
    return known === void 0 ? "–" : fixed(known, 3);
  }

  // src/view/round.ts
  function roundPanel(answer, at, palette, actions) {
    const round = answer.rounds[at];
    if (round === void 0) return el("section", { class: "card" });
    const panel = el(
      "section",
      { class: "card round", "aria-labelledby": "round-title" },
      header(answer, at, actions),
      facts(round, palette),
      ...round.isTraced ? traced(round, answer, palette) : [el("p", { class: "dim" }, "This answer was not traced: no more is known.")],
      ...events2(round, palette)
    );
    panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape") actions.close();
    });
    return panel;
  }
  function header(answer, at, actions) {
    const round = answer.rounds[at]?.round ?? 0;
    const step = (to, label, sign) => {
      const target = answer.rounds[to];
      const button = el("button", { type: "button", class: "icon", "aria-label": label, "data-tip": label, disabled: target === void 0 }, sign);
      button.addEventListener("click", () => target !== void 0 && actions.open(target.round));
      return button;
    };
    const close = el("button", { type: "button", class: "icon", "aria-label": "Close the round", "data-tip": "Close the round" }, "✕");
    close.addEventListener("click", actions.close);
    return el(
      "header",
      {},
      el("h2", { id: "round-title", tabindex: -1 }, `Round ${round}`, el("span", { class: "dim" }, ` of ${answer.rounds.length}`)),
      el("div", { class: "actions" }, step(at - 1, "Round before", "‹"), step(at + 1, "Next round", "›"), close)
    );
  }
  function facts(round, palette) {
    const fact = (name, ...value2) => el("div", {}, el("dt", {}, name), el("dd", {}, ...value2));
    const timed = round.isTraced ? [fact("drafting", micros(round.draftMicros)), fact("scoring", round.scoreMicros === 0 ? "none" : micros(round.scoreMicros))] : [];
    return el(
      "dl",
      { class: "facts" },
      fact("winner", round.winner === null ? "nobody" : palette.chip(round.winner)),
      fact("decided by", decidedBy(round.decidedBy)),
      ...timed,
      round.entropy === null ? null : fact("entropy", fixed(round.entropy, 3))
    );
  }
  function traced(round, answer, palette) {
    const scores = scoreTable(round, answer.scoreRule, palette);
    return [
      el("h3", {}, round.candidates.length === 0 ? "Drafts" : "Candidates"),
      candidateList(round, palette),
      scores === null ? null : el("h3", {}, "Scores"),
      scores,
      el("h3", {}, "After the round"),
      standingTable(round, palette)
    ];
  }
  function events2(round, palette) {
    const items = [];
    const item2 = (kind, member2, told2) => {
      items.push(el("li", { class: kind }, palette.chip(member2), el("span", {}, told2)));
    };
    for (const draft of round.drafts) {
      if (draft.outcome !== "drafted") item2("warn", draft.member, `missed the draft (${missed(draft.outcome)}): ${draft.why}`);
      else if (draft.text === "" && !draft.finished) item2("warn", draft.member, "drafted nothing");
    }
    for (const score of round.scores) {
      if (score.outcome === "failed") item2("warn", score.member, `failed to score: ${score.why}`);
    }
    for (const exit of round.exits) {
      item2("out", exit.member, `left: ${exitReason(exit.reason)}${exit.detail === "" ? "" : ` (${exit.detail})`}`);
    }
    for (const member2 of round.recalled) item2("in", member2, "is back from the next round on");
    return items.length === 0 ? [] : [el("h3", {}, "What happened"), el("ul", { class: "events" }, ...items)];
  }

  // src/view/rove.ts
  var STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  var Rove = class {
    #items = [];
    constructor(row) {
      row.addEventListener("keydown", (event) => this.#key(event));
      row.addEventListener("focusin", (event) => {
        const at = this.#items.findIndex((item2) => item2 === event.target);
        if (at >= 0) this.#stopAt(at);
      });
    }
    add(item2) {
      item2.tabIndex = this.#items.length === 0 ? 0 : -1;
      this.#items.push(item2);
    }
    #key(event) {
      const at = this.#items.findIndex((item2) => item2 === document.activeElement);
      if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
      const last = this.#items.length - 1;
      const step = STEPS[event.key];
      const to = event.key === "Home" ? 0 : event.key === "End" ? last : step === void 0 ? null : at + step;
      if (to === null) return;
      event.preventDefault();
      this.#items[Math.min(last, Math.max(0, to))]?.focus();
    }
    #stopAt(at) {
      this.#items.forEach((item2, other) => {
        item2.tabIndex = other === at ? 0 : -1;
      });
    }
  };

  // src/view/strip.ts
  var Strip = class {
    element = el("div", { class: "strip", role: "group", "aria-label": "Rounds" });
    #rove = new Rove(this.element);
    #buttons = [];
    #palette;
    #open;
    constructor(palette, open) {
      this.#palette = palette;
      this.#open = open;
    }
    update(answer) {
      for (const round of answer.rounds.slice(this.#buttons.length)) this.#add(round);
    }
    mark(round) {
      for (const { button, round: at } of this.#buttons) button.setAttribute("aria-pressed", String(at === round));
    }
    #add(round) {
      const winner = round.winner === null ? "nothing decided" : `${round.winner} won`;
      const left = round.exits.length === 0 ? "" : ` · left: ${round.exits.map((exit) => exit.member).join(", ")}`;
      const told2 = `Round ${round.round} · ${winner} · ${many(round.active.length, "member")}${left}`;
      const button = el(
        "button",
        {
          type: "button",
          class: `${this.#palette.colour(round.winner)}${round.exits.length > 0 ? " exits" : ""}`,
          "aria-label": told2,
          "aria-pressed": "false",
          "data-tip": told2
        },
        String(round.round)
      );
      button.addEventListener("click", () => this.#open(round.round));
      this.#rove.add(button);
      this.#buttons.push({ button, round: round.round });
      this.element.append(button);
    }
  };

  // src/view/summary.ts
  function summary(answer, usage, palette) {
    const { first, total: total2 } = answer.timing;
    const rate = total2 === null || total2 === 0 ? "–" : decimal(usage.completionTokens * 1e3 / total2);
    const prompt = usage.promptTokens === null ? null : figure("prompt tokens", count(usage.promptTokens));
    return el(
      "div",
      { class: "summary" },
      el(
        "dl",
        { class: "figures" },
        figure("rounds", count(usage.rounds)),
        figure("members / round", usage.membersPerRound === null ? "–" : fixed(usage.membersPerRound, 2)),
        figure("answer tokens", count(usage.completionTokens)),
        prompt,
        figure("first segment", first === null ? "–" : millis(first)),
        figure("tokens/s", rate),
        figure("whole answer", total2 === null ? "–" : millis(total2)),
        figure("draft, score calls", `${count(usage.draftCalls)}, ${count(usage.scoreCalls)}`)
      ),
      bar(usage.members, palette),
      shares(usage.members, palette)
    );
  }
  function figure(name, value2) {
    return el("div", {}, el("dt", {}, name), el("dd", {}, value2));
  }
  function bar(members, palette) {
    const all = members.reduce((sum, share) => sum + share.bytesWon, 0);
    const parts = members.filter((share) => share.bytesWon > 0).map((share) => {
      const told2 = `${share.member} wrote ${percent(share.bytesWon / all)}`;
      const part = el("span", { class: palette.colour(share.member), "data-tip": told2 });
      part.style.flexGrow = String(share.bytesWon);
      return part;
    });
    return el("div", { class: "shares", "aria-hidden": "true" }, ...parts);
  }
  function shares(members, palette) {
    const all = members.reduce((sum, share) => sum + share.bytesWon, 0);
    const isComputedKnown = members.some((share) => share.computedTokens !== null);
    const number = (name) => th("col", { class: "number" }, name);
    const cell = (value2) => el("td", { class: "number" }, value2);
    const head = el(
      "tr",
      {},
      th("col", {}, "who wrote it"),
      number("share"),
      number("segments"),
      number("drafted"),
      number("scored"),
      isComputedKnown ? number("computed") : null,
      isComputedKnown ? number("cached") : null
    );
    const body2 = members.map(
      (share) => el(
        "tr",
        {},
        th("row", {}, palette.chip(share.member)),
        cell(all === 0 ? "–" : percent(share.bytesWon / all)),
        cell(count(share.segmentsWon)),
        cell(count(share.draftedTokens)),
        cell(count(share.scoredTokens)),
        isComputedKnown ? cell(count(share.computedTokens ?? 0)) : null,
        isComputedKnown ? cell(count(share.cachedTokens ?? 0)) : null
      )
    );
    const table = el("table", {}, el("thead", {}, head), el("tbody", {}, ...body2));
    return el("div", {}, scrolling("Who wrote how much", table), el("p", { class: "note" }, isComputedKnown ? "Drafted, scored, computed and cached are tokens." : "Drafted and scored are tokens."));
  }

  // src/view/text.ts
  var TextView = class {
    element = el("div", { class: "answer", role: "group", "aria-label": "Answer", "aria-live": "polite" });
    #rove = new Rove(this.element);
    #shown = [];
    #palette;
    #open;
    constructor(palette, open) {
      this.#palette = palette;
      this.#open = open;
    }
    /** Segments are only ever added: what is there stays as it is, and keeps the focus. */
    update(answer) {
      for (const segment of segments(answer).slice(this.#shown.length)) this.#add(segment, answer);
    }
    mark(round) {
      for (const { node, segment } of this.#shown) node.setAttribute("aria-pressed", String(segment.round === round));
    }
    focus(round) {
      this.#shown.find(({ segment }) => segment.round === round)?.node.focus();
    }
    #add(segment, answer) {
      const author = segment.author ?? "nobody";
      const round = answer.rounds.find((known) => known.round === segment.round);
      const isNewAuthor = this.#shown.at(-1)?.segment.author !== segment.author;
      const start2 = segment.text.trim() === "" ? 0 : segment.text.length - segment.text.trimStart().length;
      const node = el(
        "span",
        {
          class: `segment ${this.#palette.colour(segment.author)}`,
          role: "button",
          "aria-pressed": "false",
          "data-round": segment.round,
          "data-letter": isNewAuthor ? this.#palette.letter(segment.author) : void 0,
          "data-tip": `${author} · round ${segment.round} · ${round?.active.length ?? 0} active`
        },
        segment.text.slice(start2)
      );
      node.addEventListener("click", () => this.#open(segment.round));
      node.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        this.#open(segment.round);
      });
      this.#rove.add(node);
      this.#shown.push({ node, segment });
      this.element.append(segment.text.slice(0, start2), node);
    }
  };

  // src/view/display.ts
  var Display = class {
    /** The answer, and what it took. */
    main = el("section", { class: "card reply", "aria-labelledby": "reply-title" });
    /** The open round, and the charts. */
    side = el("div", { class: "column" });
    #answer;
    #palette;
    #state = el("p", { class: "state" });
    #legend = el("div");
    #error = el("p", { class: "error", role: "alert", hidden: true });
    #summary = el("div");
    #round = el("div");
    #text;
    #strip;
    #charts;
    #opened = null;
    /** Where the focus goes back to. */
    #opener = null;
    constructor(answer) {
      this.#answer = answer;
      this.#palette = new Palette(answer.members);
      const open = (round) => this.open(round);
      this.#text = new TextView(this.#palette, open);
      this.#strip = new Strip(this.#palette, open);
      this.#charts = new Charts(this.#palette, open);
      this.main.append(
        el("header", {}, el("h2", { id: "reply-title" }, "Answer"), this.#state),
        this.#legend,
        this.#text.element,
        this.#error,
        this.#strip.element,
        this.#summary
      );
      this.side.append(this.#round, this.#charts.element);
      this.#hint();
      this.update();
    }
    /** The answer has more in it. */
    update() {
      const answer = this.#answer;
      this.#state.textContent = state(answer);
      this.#legend.replaceChildren(legend(answer, this.#palette));
      this.#text.update(answer);
      this.#strip.update(answer);
      this.#charts.update(answer);
      this.#error.textContent = answer.ending?.error ?? "";
      this.#error.hidden = this.#error.textContent === "";
      if (answer.ending !== null && answer.rounds.length > 0) {
        this.#summary.replaceChildren(summary(answer, answer.usage ?? countUsage(answer), this.#palette));
      }
      this.main.classList.toggle("writing", answer.ending === null);
    }
    /** Whatever else belongs to a finished answer. */
    append(...children) {
      this.main.append(...children);
    }
    open(round) {
      const at = this.#answer.rounds.findIndex((known) => known.round === round);
      if (at < 0) return;
      const focused = document.activeElement;
      const isInside = this.#round.contains(focused);
      if (!isInside && focused instanceof HTMLElement) this.#opener = focused;
      this.#mark(round);
      const actions = { open: (other) => this.open(other), close: () => this.#close() };
      this.#round.replaceChildren(roundPanel(this.#answer, at, this.#palette, actions));
      this.#focusInside(isInside ? focused?.getAttribute("aria-label") ?? null : null);
      this.#round.scrollIntoView({ block: "nearest" });
    }
    /** On the button of this name, so that one can go on from round to round, or else on the title. */
    #focusInside(label) {
      const buttons = [...this.#round.querySelectorAll("button")];
      const same = buttons.find((button) => label !== null && !button.disabled && button.getAttribute("aria-label") === label);
      (same ?? this.#round.querySelector("#round-title"))?.focus({ preventScroll: true });
    }
    #close() {
      const round = this.#opened;
      this.#mark(null);
      this.#hint();
      if (this.#opener?.isConnected === true && this.#opener !== document.body) this.#opener.focus();
      else if (round !== null) this.#text.focus(round);
    }
    #mark(round) {
      this.#opened = round;
      this.#text.mark(round);
      this.#strip.mark(round);
      this.#charts.mark(round);
    }
    #hint() {
      const hint = "Choose a segment or a round to see what every member proposed, how all were scored, and who left.";
      this.#round.replaceChildren(el("section", { class: "card hint" }, el("h2", {}, "Round"), el("p", { class: "dim" }, hint)));
    }
  };
  function state(answer) {
    if (answer.ending !== null) return ending(answer.ending.reason);
    const last = answer.rounds.at(-1);
    return last === void 0 ? "waiting for the first segment …" : `round ${last.round} · ${many(last.active.length, "member")} · writing …`;
  }

  // src/api/recordings.ts
  async function fetchRecording(id, stop) {
    const response = await call(`/v1/specfuse/recordings/${encodeURIComponent(id)}`, stop === void 0 ? {} : { signal: stop });
    return response.text();
  }
  function save(id, json) {
    const url = URL.createObjectURL(new Blob([json], { type: "application/json" }));
    el("a", { href: url, download: `specfuse-${id}.json` }).click();
    URL.revokeObjectURL(url);
  }

  // src/page/parts.ts
  function failure(what, again) {
    const button = el("button", { type: "button" }, "Try again");
    button.addEventListener("click", again);
    return el("div", { class: "card failure", role: "alert" }, el("p", {}, what), button);
  }
  function recordingLinks(id) {
    const said = el("span", { class: "note", role: "status" });
    const download = el("button", { type: "button" }, "Download");
    download.addEventListener("click", () => {
      fetchRecording(id).then(
        (json) => save(id, json),
        (error) => {
          said.textContent = inWords(error);
        }
      );
    });
    const link = el("a", { href: `#/recording/${encodeURIComponent(id)}` }, "Open the recording");
    return el("footer", { class: "actions" }, el("code", { class: "note id" }, id), said, link, download);
  }

  // src/page/field.ts
  function field(label, control2, hidden) {
    return el("div", { class: "field" }, el("label", { for: control2.id, class: hidden }, label), control2);
  }

  // src/page/rules.ts
  var RULES = [
    { name: "segment_tokens", label: "Segment tokens", values: { min: 1, max: 256, step: 1 } },
    { name: "min_members", label: "Least members", values: { min: 1, step: 1 } },
    { name: "exit", label: "Exit", values: ["cumulative", "no_entropy", "never"] },
    { name: "theta", label: "Theta", values: { min: 0, max: 1, step: "any" } },
    { name: "tau", label: "Tau", values: { min: 0, step: "any" } },
    { name: "score", label: "Score", values: ["mean_logprob", "mean_prob"] }
  ];
  var EFFECTIVE = {
    fuse: RULES.map((rule) => rule.name),
    single: ["segment_tokens"],
    self_fuse: ["segment_tokens"],
    mixture: ["segment_tokens"],
    route: ["segment_tokens"]
  };
  var UNCHANGED = "as it is";
  var Rules = class {
    element = el("details", { hidden: true });
    #fields = el("div", { class: "settings thirds" });
    #offered = "";
    constructor() {
      this.element.append(el("summary", {}, "Rules"), this.#fields);
    }
    /** Values that were given stay where the same can be asked for. */
    offer(ensemble, strategy) {
      const kind = ensemble.strategies.find(({ name }) => name === strategy)?.kind ?? "";
      const effective = EFFECTIVE[kind] ?? [];
      const rules = RULES.filter((rule) => effective.includes(rule.name) && ensemble.adjustable.includes(rule.name));
      const offered = `${ensemble.name}: ${rules.map((rule) => rule.name).join()}`;
      if (offered === this.#offered) return;
      this.#offered = offered;
      this.element.hidden = rules.length === 0;
      this.#fields.replaceChildren(...rules.map((rule) => field(rule.label, control(rule, ensemble))));
    }
    read() {
      const controls = [...this.#fields.querySelectorAll("input, select")];
      const given = controls.filter((known) => known.value !== "");
      return Object.fromEntries(given.map((known) => [known.name, known instanceof HTMLInputElement ? known.valueAsNumber : known.value]));
    }
  };
  function control(rule, ensemble) {
    const id = `rule-${rule.name}`;
    if ("min" in rule.values) {
      const { min, step } = rule.values;
      const max = rule.name === "min_members" ? ensemble.members.length : rule.values.max;
      return el("input", { id, name: rule.name, type: "number", min, max, step, placeholder: UNCHANGED });
    }
    const words = rule.values.map((word) => el("option", { value: word }, word));
    return el("select", { id, name: rule.name }, el("option", { value: "" }, UNCHANGED), ...words);
  }

  // src/page/form.ts
  var MOST_SEED = Number.MAX_SAFE_INTEGER;
  var QuestionForm = class {
    element;
    #ensemble = el("select", { id: "ensemble", name: "ensemble" });
    #strategy = el("select", { id: "strategy", name: "strategy" });
    #system = el("textarea", { id: "system", name: "system", rows: 2 });
    #question = el("textarea", { id: "question", name: "question", rows: 3, required: true, "aria-describedby": "question-hint" });
    #maxTokens = el("input", { id: "max-tokens", name: "max-tokens", type: "number", min: 1, step: 1, inputmode: "numeric" });
    #temperature = el("input", { id: "temperature", name: "temperature", type: "number", min: 0, max: 2, step: "any", placeholder: "0", inputmode: "decimal" });
    #seed = el("input", { id: "seed", name: "seed", type: "number", min: 0, max: MOST_SEED, step: 1, placeholder: "any", inputmode: "numeric" });
    #rules = new Rules();
    #ask = el("button", { type: "submit", class: "primary", disabled: true }, "Ask");
    #stop = el("button", { type: "button", disabled: true }, "Stop");
    #ensembles = [];
    #isBusy = false;
    constructor(events3) {
      this.element = el(
        "form",
        { class: "card ask", "aria-label": "Question" },
        field("Question", this.#question),
        el("details", {}, el("summary", {}, "System message"), field("System message", this.#system, "unseen")),
        el(
          "div",
          { class: "settings" },
          field("Ensemble", this.#ensemble),
          field("Strategy", this.#strategy),
          field("Max tokens", this.#maxTokens),
          field("Temperature", this.#temperature),
          field("Seed", this.#seed)
        ),
        this.#rules.element,
        el("div", { class: "actions" }, el("span", { id: "question-hint", class: "note" }, "Ctrl + Enter asks"), this.#stop, this.#ask)
      );
      this.#ensemble.addEventListener("change", () => this.#showStrategies());
      this.#strategy.addEventListener("change", () => this.#showRules());
      this.#stop.addEventListener("click", events3.stop);
      this.#question.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
        event.preventDefault();
        if (!this.#ask.disabled) this.element.requestSubmit();
      });
      this.element.addEventListener("submit", (event) => {
        event.preventDefault();
        const ensemble = this.#chosen();
        if (ensemble !== void 0 && !this.#isBusy) events3.ask(this.#read(ensemble), ensemble);
      });
    }
    offer(cluster) {
      const chosen = this.#chosen()?.name ?? defaultEnsemble(cluster)?.name;
      this.#ensembles = cluster.ensembles;
      this.#ensemble.replaceChildren(
        ...cluster.ensembles.map(
          ({ name, isReady }) => el("option", { value: name, selected: name === chosen }, isReady ? name : `${name} (not ready)`)
        )
      );
      this.#showStrategies();
      this.#enable();
    }
    /** An answer is being written: it can be stopped, and nothing else asked. */
    busy(isBusy) {
      const hadFocus = document.activeElement === this.#ask || document.activeElement === this.#stop;
      this.#isBusy = isBusy;
      this.#enable();
      if (hadFocus) (isBusy ? this.#stop : this.#ask).focus();
    }
    #enable() {
      this.#ask.disabled = this.#isBusy || this.#ensembles.length === 0;
      this.#stop.disabled = !this.#isBusy;
    }
    #chosen() {
      return this.#ensembles.find((ensemble) => ensemble.name === this.#ensemble.value);
    }
    #showStrategies() {
      const ensemble = this.#chosen();
      if (ensemble === void 0) return;
      const before = this.#strategy.value;
      const kept = ensemble.strategies.some(({ name }) => name === before) ? before : ensemble.defaultStrategy;
      this.#strategy.replaceChildren(
        ...ensemble.strategies.map(({ name, kind }) => {
          const isDefault = name === ensemble.defaultStrategy ? " (default)" : "";
          const shown = name === kind || name.startsWith(`${kind}/`) ? name : `${name} · ${kind}`;
          return el("option", { value: name, selected: name === kept }, shown + isDefault);
        })
      );
      this.#maxTokens.placeholder = String(ensemble.defaultMaxTokens);
      this.#maxTokens.max = String(ensemble.maxTokensLimit);
      this.#showRules();
    }
    #showRules() {
      const ensemble = this.#chosen();
      if (ensemble !== void 0) this.#rules.offer(ensemble, this.#strategy.value);
    }
    #read(ensemble) {
      const number = (input) => input.value === "" ? null : input.valueAsNumber;
      return {
        ensemble: ensemble.name,
        strategy: this.#strategy.value,
        system: this.#system.value,
        question: this.#question.value,
        maxTokens: number(this.#maxTokens),
        temperature: number(this.#temperature),
        seed: number(this.#seed),
        rules: this.#rules.read()
      };
    }
  };

  // src/page/ask.ts
  function askPage() {
    const problem = el("div");
    const reply = el("div", { class: "column" });
    const side = el("div", { class: "column side" }, introduction());
    let stop = null;
    const form = new QuestionForm({
      ask: (question, ensemble) => {
        stop = new AbortController();
        form.busy(true);
        void write(question, ensemble, stop.signal).finally(() => {
          stop = null;
          form.busy(false);
        });
      },
      stop: () => stop?.abort()
    });
    const write = async (question, ensemble, signal) => {
      const answer = begin(question, ensemble.members, ensemble.score);
      const display = new Display(answer);
      reply.replaceChildren(display.main);
      side.replaceChildren(display.side);
      try {
        for await (const _ of ask(question, answer, signal)) display.update();
        answer.ending ??= { reason: "stop", error: null };
      } catch (error) {
        const isStopped = signal.aborted;
        answer.ending = isStopped ? { reason: "stopped", error: null } : { reason: "failed", error: inWords(error) };
      }
      display.update();
      if (hasBegun(answer)) display.append(recordingLinks(answer.id));
    };
    const offer = async () => {
      try {
        const response = await call("/v1/specfuse/cluster");
        form.offer(readCluster(await response.text()));
        problem.replaceChildren();
      } catch (error) {
        problem.replaceChildren(failure(inWords(error), () => void offer()));
      }
    };
    const main = el("div", { class: "column" }, problem, form.element, reply);
    return {
      element: el("div", { class: "page split" }, el("h1", { class: "unseen" }, "Ask"), main, side),
      title: "Ask",
      enter: () => void offer(),
      leave: () => void 0
    };
  }
  function hasBegun(answer) {
    return answer.id !== "" && answer.rounds.length > 0;
  }
  function introduction() {
    const step = (name, what) => el("li", {}, el("strong", {}, name), ` ${what}`);
    return el(
      "section",
      { class: "card hint" },
      el("h2", {}, "How an answer comes about"),
      el(
        "ol",
        {},
        step("Draft.", "In every round each member drafts the next few words."),
        step("Score.", "The members score the drafts, or each author’s own certainty counts."),
        step("Rank.", "The best draft becomes part of the answer, in the colour of its author."),
        step("Exit.", "Members that keep losing leave.")
      ),
      el("p", { class: "dim" }, "Ask something, then choose any segment of the answer to see how it was decided.")
    );
  }

  // src/view/replicas.ts
  var REPLICA_COLUMNS = [
    ["worker", false],
    ["state", false],
    ["calls", true],
    ["sequences", true],
    ["waiting", true],
    ["cache", false],
    ["engine steps", true],
    ["model", false],
    ["fingerprint", false]
  ];
  var FINGERPRINT_SHOWN = 12;
  function replicaRows(worker) {
    const { description } = worker;
    const load = description?.load ?? null;
    const number = (value2) => el("td", { class: "number" }, value2 === void 0 ? "–" : count(value2));
    const row = el(
      "tr",
      {},
      th("row", { class: "endpoint" }, worker.endpoint),
      el("td", {}, state2(worker)),
      number(worker.callsInFlight),
      number(load?.liveSequences),
      number(load?.waitingCalls),
      el("td", {}, ...cache(description)),
      number(load?.engineSteps),
      el("td", { class: "facts-cell" }, ...description === null ? ["–"] : facts2(description)),
      el("td", {}, fingerprint(description))
    );
    if (worker.error === "") return [row];
    return [row, el("tr", { class: "why" }, el("td"), el("td", { colspan: REPLICA_COLUMNS.length - 1 }, worker.error))];
  }
  function state2(worker) {
    const kind = worker.state === "ready" ? "win" : worker.state === "unreachable" ? "out" : "";
    return el("span", { class: `mark ${kind}` }, worker.state);
  }
  function cache(description) {
    if (description?.load === null || description === null) return ["–"];
    const { cacheTokens, load } = description;
    const part = cacheTokens === 0 ? 0 : load.cachedTokens / cacheTokens;
    const bar2 = el("span", { class: "meter", "aria-hidden": "true" }, el("span", {}));
    bar2.style.setProperty("--part", `${Math.min(100, part * 100)}%`);
    return [el("div", { class: "cache" }, bar2, el("span", {}, `${large(load.cachedTokens)} of ${large(cacheTokens)}`, el("span", { class: "dim" }, ` ${percent(part)}`)))];
  }
  function facts2(description) {
    const { family, parameters, contextLength, dtype, device, build } = description;
    const line = (...told2) => el("div", {}, told2.filter((fact) => fact !== "").join(" · "));
    return [
      line(family, `${large(parameters)} parameters`, `context ${count(contextLength)}`),
      line(dtype, device, build === "" ? "" : `build ${build}`)
    ];
  }
  function fingerprint(description) {
    if (description === null || description.fingerprint === "") return "–";
    return el("code", { "data-tip": description.fingerprint }, description.fingerprint.slice(0, FINGERPRINT_SHOWN));
  }

  // src/view/ensembles.ts
  var EnsembleCards = class {
    element = el("div", { class: "column" });
    #cards = /* @__PURE__ */ new Map();
    update(cluster) {
      const names = new Set(cluster.ensembles.flatMap((ensemble) => ensemble.members));
      const shown = cluster.ensembles.map((ensemble) => {
        const card = this.#card(`ensemble ${ensemble.name}`);
        card.head.replaceChildren(...heading(ensemble));
        const palette = new Palette(ensemble.members);
        card.body.replaceChildren(...ensemble.members.flatMap((member2) => memberRows(member2, cluster, palette)));
        return card;
      });
      const others = cluster.workers.filter((worker) => worker.description === null || !names.has(worker.description.model));
      if (others.length > 0) {
        const card = this.#card("others");
        card.head.replaceChildren(el("h2", {}, "Other workers"), el("p", { class: "dim" }, "Of no ensemble, or not known yet."));
        card.body.replaceChildren(...others.flatMap(replicaRows));
        shown.push(card);
      }
      const elements = shown.map((card) => card.element);
      const isSame = elements.length === this.element.children.length && elements.every((element, at) => this.element.children[at] === element);
      if (!isSame) this.element.replaceChildren(...elements);
    }
    #card(name) {
      const known = this.#cards.get(name);
      if (known !== void 0) return known;
      const head = el("header", { class: "tall" });
      const body2 = el("tbody");
      const columns = REPLICA_COLUMNS.map(([title, isNumber]) => th("col", { class: isNumber ? "number" : void 0 }, title));
      const table = el("table", { class: "replicas" }, el("thead", {}, el("tr", {}, ...columns)), body2);
      const card = { head, body: body2, element: el("section", { class: "card", "aria-label": name }, head, scrolling(`Workers, ${name}`, table)) };
      this.#cards.set(name, card);
      return card;
    }
  };
  function heading(ensemble) {
    const rules = [
      many(ensemble.members.length, "member"),
      `${ensemble.segmentTokens} tokens a segment`,
      `score ${ensemble.score}`,
      `exit ${ensemble.exit}`,
      `weights ${ensemble.weights}`,
      many(ensemble.strategies.length, "strategy").replace("strategys", "strategies"),
      `by default ${ensemble.defaultStrategy}`
    ];
    return [
      el("h2", {}, ensemble.name, " ", el("span", { class: ensemble.isReady ? "mark win" : "mark out" }, ensemble.isReady ? "ready" : "not ready")),
      el("p", { class: "dim" }, rules.join(" · "))
    ];
  }
  function memberRows(member2, cluster, palette) {
    const replicas = cluster.workers.filter((worker) => worker.description?.model === member2);
    const activity = cluster.activity.members.find((known) => known.member === member2);
    const told2 = activity === void 0 ? "nothing in the last minute" : `drafts ${decimal(activity.draftedPerSecond)} tokens/s · scores ${decimal(activity.scoredPerSecond)} tokens/s · won ${many(activity.segmentsWon, "segment")}`;
    const replicaCount = replicas.length === 0 ? "nobody serves it" : many(replicas.length, "replica");
    const head = el(
      "tr",
      { class: "group" },
      el("th", { scope: "rowgroup", colspan: REPLICA_COLUMNS.length }, el("div", { class: "stick" }, palette.chip(member2), el("span", { class: "dim" }, `${replicaCount} · ${told2}`)))
    );
    return [head, ...replicas.flatMap(replicaRows)];
  }

  // src/page/cluster.ts
  var PERIOD = 2e3;
  function clusterPage() {
    const problem = el("div");
    const figures = el("dl", { class: "figures card" });
    const cards = new EnsembleCards();
    let stop = null;
    const poll = async (signal) => {
      while (!signal.aborted) {
        try {
          const response = await call("/v1/specfuse/cluster", { signal });
          const cluster = readCluster(await response.text());
          if (signal.aborted) return;
          problem.replaceChildren();
          figures.replaceChildren(...overview(cluster));
          cards.update(cluster);
        } catch (error) {
          if (signal.aborted) return;
          problem.replaceChildren(failure(inWords(error), start2));
          return;
        }
        await pause(PERIOD, signal);
      }
    };
    const start2 = () => {
      stop?.abort();
      stop = new AbortController();
      void poll(stop.signal);
    };
    return {
      element: el("div", { class: "page" }, el("h1", { class: "unseen" }, "Cluster"), problem, figures, cards.element),
      title: "Cluster",
      enter: start2,
      leave: () => stop?.abort()
    };
  }
  function overview(cluster) {
    const { activity } = cluster;
    const figure2 = (name, value2) => el("div", {}, el("dt", {}, name), el("dd", {}, value2));
    const ready = cluster.workers.filter((worker) => worker.state === "ready").length;
    return [
      figure2("workers ready", `${ready} of ${cluster.workers.length}`),
      figure2("answers running", count(cluster.running)),
      figure2("answers waiting", count(cluster.waiting)),
      figure2(`answers in ${seconds(activity.seconds)}`, count(activity.answers)),
      figure2("tokens/s", decimal(activity.tokensPerSecond)),
      figure2("members / round", activity.membersPerRound === null ? "–" : fixed(activity.membersPerRound, 2)),
      figure2("list of workers", cluster.discoverySeconds === null ? "fixed" : `${seconds(cluster.discoverySeconds)} old`)
    ];
  }
  function pause(duration, signal) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, duration);
      signal.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  // src/model/recording.ts
  var VERSION = 1;
  function readRecording(json) {
    const from = Reader.parse(json);
    const version = from.field("version").number();
    if (version !== VERSION) throw new Unreadable(`its version is ${version}; this page reads version ${VERSION}`);
    const members = from.field("members").list((member2) => ({
      name: member2.field("name").text(),
      model: member2.field("model").text(),
      fingerprints: member2.field("fingerprints").texts()
    }));
    const stages = from.field("stages").list((stage) => ({
      members: stage.field("members").texts(),
      policy: stage.field("policy").raw,
      readsProposals: stage.field("reads_proposals").boolean()
    }));
    return {
      answer: readAnswer(from, members.map((member2) => member2.name)),
      askedAt: from.field("asked_at").text(),
      question: readQuestion(from.field("question")),
      members,
      stages
    };
  }
  function readAnswer(from, members) {
    const answer = emptyAnswer();
    answer.id = from.field("request_id").text();
    answer.ensemble = from.field("ensemble").text();
    answer.strategy = from.field("strategy").text();
    answer.rounds = from.field("rounds").list(readRound);
    meet(answer, members);
    for (const round of answer.rounds) meet(answer, round.active);
    const rules = from.field("stages").list((stage) => stage.field("policy").field("score").text());
    answer.scoreRule = rules[0] ?? null;
    answer.timing.first = firstSegment(answer);
    const end = from.field("ending");
    if (end.isAbsent) {
      answer.ending = { reason: "the client left", error: null };
      return answer;
    }
    answer.ending = { reason: end.field("reason").text(), error: end.field("error").optional((it) => it.text()) };
    answer.rest = end.field("text").text();
    answer.timing.total = end.field("total_micros").number() / 1e3;
    answer.usage = { ...countUsage(answer), completionTokens: end.field("completion_tokens").number() };
    return answer;
  }
  function firstSegment(answer) {
    const at = answer.rounds.findIndex((round) => round.text !== "");
    if (at < 0) return null;
    return answer.rounds.slice(0, at + 1).reduce((sum, round) => sum + round.draftMicros + round.scoreMicros, 0) / 1e3;
  }
  function readQuestion(from) {
    const prompt = from.field("prompt");
    const messages = prompt.has("raw") ? [{ role: "", content: prompt.field("raw").text() }] : prompt.field("messages").list((message) => ({
      role: message.field("role").text(),
      content: message.field("content").text()
    }));
    const sampling = from.field("sampling");
    const settings = [["max tokens", String(from.field("max_tokens").number())]];
    for (const name of ["temperature", "top_p", "top_k", "min_p", "seed"]) {
      const value2 = sampling.field(name).raw;
      if (typeof value2 === "number" || typeof value2 === "string") settings.push([name.replace("_", " "), shortened(value2)]);
    }
    const stop = from.field("stop").texts();
    if (stop.length > 0) settings.push(["stop", stop.map((text) => JSON.stringify(text)).join(", ")]);
    return { messages, settings };
  }
  function shortened(value2) {
    return typeof value2 === "number" ? String(Number(value2.toPrecision(6))) : value2;
  }

  // src/view/question.ts
  function questionCard(recording) {
    const { answer, question, members, stages } = recording;
    const messages = question.messages.map(
      ({ role, content }) => el("div", { class: "message" }, el("span", { class: "role" }, role === "" ? "raw prompt" : role), el("p", {}, content))
    );
    const settings = question.settings.map(([name, value2]) => el("div", {}, el("dt", {}, name), el("dd", {}, value2)));
    const seats = members.map(
      (seat) => el("li", {}, seat.name === seat.model ? seat.name : `${seat.name} · ${seat.model}`, " ", el("code", { class: "dim" }, seat.fingerprints.map((print) => print.slice(0, 12)).join(" ")))
    );
    const policies = stages.map(
      (stage, at) => el(
        "div",
        {},
        el("h3", {}, stages.length === 1 ? "Policy" : `Policy of stage ${at + 1}`),
        el("p", { class: "dim" }, `${stage.members.join(", ")}${stage.readsProposals ? " · reads the proposals" : ""}`),
        el("pre", { tabindex: 0 }, JSON.stringify(stage.policy, null, 2))
      )
    );
    return el(
      "section",
      { class: "card", "aria-labelledby": "question-title" },
      el("header", {}, el("h2", { id: "question-title" }, "Question"), el("p", { class: "state" }, `${answer.ensemble} · ${answer.strategy} · ${moment(recording.askedAt)}`)),
      ...messages,
      el("details", {}, el("summary", {}, "Settings, members and policy"), el("dl", { class: "facts" }, ...settings), el("h3", {}, "Members"), el("ul", { class: "plain" }, ...seats), ...policies)
    );
  }
  function moment(time) {
    const date = new Date(time);
    return Number.isNaN(date.getTime()) ? time : date.toLocaleString();
  }

  // src/page/file.ts
  var FilePicker = class {
    element;
    #picked;
    constructor(picked) {
      this.#picked = picked;
      const id = el("input", { id: "recording-id", name: "id", type: "text", required: true, spellcheck: false, autocomplete: "off", placeholder: "request id" });
      const form = el("form", { class: "row" }, el("label", { for: "recording-id" }, "Recording"), id, el("button", { type: "submit" }, "Open"));
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        picked.id(id.value.trim());
      });
      const file = el("input", { id: "file", type: "file", accept: "application/json,.json", class: "unseen" });
      file.addEventListener("change", () => {
        this.#read(file.files);
        file.value = "";
      });
      const label = el("label", { for: "file", class: "button" }, "Open a file …");
      this.element = el("div", { class: "picker" }, form, file, label, el("span", { class: "note" }, "or drop one anywhere on this page"));
    }
    /** Takes files that are dropped on this element. */
    watch(target) {
      target.addEventListener("dragover", (event) => {
        event.preventDefault();
        target.classList.add("dropping");
      });
      for (const name of ["dragleave", "drop"]) target.addEventListener(name, () => target.classList.remove("dropping"));
      target.addEventListener("drop", (event) => {
        event.preventDefault();
        this.#read(event.dataTransfer?.files ?? null);
      });
    }
    #read(files) {
      const [file] = files ?? [];
      if (file !== void 0) void file.text().then(this.#picked.file);
    }
  };

  // src/page/recording.ts
  var NOT_KEPT = "There is no recording with this id. The coordinator keeps those of the last answers only, in memory, each for the key that asked. A file that was downloaded earlier can be opened instead.";
  function recordingPage() {
    const body2 = el("div", { class: "split" });
    let stop = null;
    const show2 = (json) => {
      const recording = readRecording(json);
      const { answer } = recording;
      const display = new Display(answer);
      const download = el("button", { type: "button" }, "Download");
      download.addEventListener("click", () => save(answer.id, json));
      display.append(el("footer", { class: "actions" }, el("code", { class: "note id" }, answer.id), download));
      const main = el("div", { class: "column" }, questionCard(recording), display.main);
      const side = el("div", { class: "column side" }, display.side);
      body2.replaceChildren(main, side);
    };
    const say = (words, again) => {
      const card = again === null ? el("div", { class: "card failure", role: "alert" }, el("p", {}, words)) : failure(words, again);
      body2.replaceChildren(card);
    };
    const load = async (id) => {
      stop?.abort();
      const mine = new AbortController();
      stop = mine;
      body2.replaceChildren(el("p", { class: "dim", role: "status" }, "Loading the recording …"));
      try {
        const json = await fetchRecording(id, mine.signal);
        if (!mine.signal.aborted) show2(json);
      } catch (error) {
        if (mine.signal.aborted) return;
        const isUnknown = error instanceof Refused && error.status === 404;
        if (isUnknown) say(NOT_KEPT, null);
        else say(inWords(error), () => void load(id));
      }
    };
    const picker = new FilePicker({
      file: (json) => {
        stop?.abort();
        try {
          show2(json);
        } catch (error) {
          if (!(error instanceof Unreadable)) throw error;
          say(`This file is no recording that this page can read: ${error.message}.`, null);
        }
      },
      id: (id) => {
        location.hash = `#/recording/${encodeURIComponent(id)}`;
      }
    });
    const element = el("div", { class: "page" }, el("h1", { class: "unseen" }, "Recording"), picker.element, body2);
    picker.watch(element);
    return {
      element,
      title: "Recording",
      enter: (id) => {
        if (id === "") body2.replaceChildren();
        else void load(id);
      },
      leave: () => stop?.abort()
    };
  }

  // src/theme.ts
  var STORED2 = "specfuse.theme";
  var CHOICES = ["auto", "light", "dark"];
  function applyTheme() {
    apply(stored());
  }
  function themeSwitch() {
    const select = el(
      "select",
      { id: "theme", "aria-label": "Colours", "data-tip": "Colours" },
      ...CHOICES.map((choice) => el("option", { value: choice, selected: choice === stored() }, choice[0]?.toUpperCase() + choice.slice(1)))
    );
    select.addEventListener("change", () => {
      const choice = CHOICES.find((known) => known === select.value) ?? "auto";
      localStorage.setItem(STORED2, choice);
      apply(choice);
    });
    return select;
  }
  function stored() {
    const kept = localStorage.getItem(STORED2);
    return CHOICES.find((choice) => choice === kept) ?? "auto";
  }
  function apply(choice) {
    document.documentElement.dataset["theme"] = choice;
  }

  // src/view/tip.ts
  var GAP = 6;
  var tip = el("div", { id: "tip", class: "tip", role: "tooltip", hidden: true });
  function startTips() {
    document.body.append(tip);
    for (const name of ["pointerover", "focusin"]) {
      document.addEventListener(name, (event) => {
        const target = event.target instanceof Element ? event.target.closest("[data-tip]") : null;
        if (target === null || name === "focusin" && !target.matches(":focus-visible")) hide();
        else show(target);
      });
    }
    document.addEventListener("focusout", hide);
    document.addEventListener("pointerdown", hide);
    document.addEventListener("scroll", hide, { capture: true, passive: true });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") hide();
    });
  }
  function show(target) {
    tip.textContent = target.getAttribute("data-tip");
    tip.hidden = false;
    target.setAttribute("aria-describedby", tip.id);
    const at = target.getClientRects()[0] ?? target.getBoundingClientRect();
    const size = tip.getBoundingClientRect();
    const left = Math.min(Math.max(GAP, at.left), document.documentElement.clientWidth - size.width - GAP);
    const above = at.top - size.height - GAP;
    tip.style.left = `${left}px`;
    tip.style.top = `${above < GAP ? at.bottom + GAP : above}px`;
  }
  function hide() {
    tip.hidden = true;
  }

  // src/main.ts
  applyTheme();
  document.addEventListener("DOMContentLoaded", start);
  function start() {
    const main = document.querySelector("main");
    const bar2 = document.querySelector("#switches");
    if (main === null || bar2 === null) return;
    bar2.append(themeSwitch());
    startTips();
    const pages = { "": askPage(), recording: recordingPage(), cluster: clusterPage() };
    let shown = null;
    const show2 = () => {
      const { page: name, rest } = address(location.hash);
      const page = pages[name] ?? pages[""];
      if (page === void 0) return;
      shown?.leave();
      const isFirst = shown === null;
      shown = page;
      main.replaceChildren(page.element);
      document.title = `${page.title} · SpecFuse`;
      for (const link of document.querySelectorAll("nav a")) {
        const isHere = pages[address(link.getAttribute("href") ?? "").page] === page;
        if (isHere) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
      }
      page.enter(rest);
      if (!isFirst) {
        window.scrollTo(0, 0);
        main.focus({ preventScroll: true });
      }
    };
    window.addEventListener("hashchange", show2);
    document.querySelector("#skip")?.addEventListener("click", (event) => {
      event.preventDefault();
      main.focus();
    });
    show2();
  }
})();
