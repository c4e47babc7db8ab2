// The console in a real browser: a question is asked, its rounds are opened, its recording is found again, and nothing strange happens.
//
//   node console.mjs COORDINATOR CHROMIUM FOLDER
//
// Screenshots go to the folder: desktop-light.png and phone-dark.png. Ends with an error at the first thing that is not as it should be.

import assert from "node:assert/strict";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [coordinator, executablePath, folder] = process.argv.slice(2);
const ARGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const QUESTION = "A shop has 47 apples and gets 38 more. How many apples are there now?";
/** Every member drafts and scores, so there is a table. */
const SCORED = ["cross", "paper"];
const PHONE = { width: 360, height: 740 };
const DESKTOP = { width: 1360, height: 1500 };

const origin = new URL(coordinator).origin;
const complaints = [];
const browser = await chromium.launch({ executablePath, args: ARGS });
try {
  await everyPage();
  await markupIsText();
  await asksForAKey();
  await failuresAreTold();
} finally {
  await browser.close();
}

async function everyPage() {
  const page = await open(DESKTOP, "light");
  await grows(page);
  await opensARound(page);
  await page.mouse.move(0, 0);
  await page.screenshot({ path: join(folder, "desktop-light.png"), fullPage: true });
  await worksByKeyboard(page);
  await fits(page, "ask");
  const recording = await page.getAttribute('.reply a[href^="#/recording/"]', "href");
  await goesDark(page);
  await showsTheCluster(page);
  await findsTheRecording(page, recording);
  await page.context().close();
  assert.deepEqual(complaints, []);
}

/** The answer is seen growing, in the colours of its authors. */
async function grows(page) {
  await page.evaluate(() => {
    window.lengths = new Set();
    const look = () => window.lengths.add(document.querySelector(".answer")?.textContent.length ?? 0);
    new MutationObserver(look).observe(document.querySelector("main"), { childList: true, subtree: true, characterData: true });
  });
  await ask(page, await choose(page, SCORED));
  const lengths = (await page.evaluate(() => [...window.lengths])).filter((length) => length > 0);
  assert.ok(lengths.length >= 2, `the text had the lengths ${lengths}`);
  assert.deepEqual(lengths, lengths.toSorted((one, other) => one - other), "the text shrank");
  const segments = await page.locator(".segment").count();
  assert.ok(segments >= 2, `${segments} segments`);
  const colours = await page.$$eval(".segment", (all) => all.map((one) => getComputedStyle(one).borderBottomColor));
  assert.ok(colours.every((colour) => colour.startsWith("rgb")), String(colours));
  assert.ok((await page.locator(".legend li").count()) >= 2, "no legend");
  await page.locator(".segment").first().hover();
  assert.match(await page.locator("#tip").textContent(), /round 1/);
  assert.ok((await page.locator(".chart svg .line").count()) > 0, "no lines in the charts");
  await page.mouse.move(0, 0);
}

async function opensARound(page) {
  await page.locator(".segment").first().click();
  await page.locator("#round-title").waitFor();
  assert.ok((await page.locator(".candidates li").count()) >= 2, "no candidates");
  assert.equal(await page.locator(".candidates .won").count(), 1);
  const values = await page.locator(".heat tbody td.number").allTextContents();
  assert.ok(values.length >= 4 && values.every((value) => /^[−]?\d+\.\d{3}$/.test(value)), `the table has ${values}`);
  assert.ok((await page.locator('.heat th[scope="row"]').count()) >= 2, "rows have no heads");
  assert.ok((await page.locator(".heat tfoot td").count()) >= 2, "no aggregate");
}

/** Escape closes a round and gives the focus back; arrows move, Enter opens. */
async function worksByKeyboard(page) {
  await page.keyboard.press("Escape");
  await page.locator("#round-title").waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => document.activeElement.dataset.round), "1");
  await page.keyboard.press("ArrowRight");
  const next = await page.evaluate(() => document.activeElement.dataset.round);
  assert.notEqual(next, "1");
  await page.keyboard.press("Enter");
  await page.locator("#round-title", { hasText: `Round ${next} ` }).waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.locator("#round-title", { hasText: "Round 1 " }).waitFor();
  await page.keyboard.press("Escape");
}

async function goesDark(page) {
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await page.selectOption("#theme", "dark");
  const dark = await ground();
  assert.notEqual(dark, light);
  await page.reload();
  assert.equal(await ground(), dark, "the choice is forgotten");
}

async function showsTheCluster(page) {
  await page.click('nav a[href="#/cluster"]');
  await page.locator(".replicas .group").first().waitFor();
  assert.ok((await page.locator(".replicas .endpoint").count()) >= 2, "no workers");
  assert.ok((await page.locator(".replicas .meter").count()) >= 2, "no use of caches");
  const steps = () => page.locator(".figures dd").allTextContents();
  assert.ok((await steps()).length >= 5);
  // It goes on asking while it is shown.
  await page.waitForResponse((response) => response.url().endsWith("/v1/specfuse/cluster"));
  await fits(page, "cluster");
}

async function findsTheRecording(page, link) {
  await page.goto(`${origin}/${link}`);
  await page.reload();
  await page.locator("#question-title").waitFor();
  assert.ok((await page.locator(".segment").count()) >= 2, "the recording has no segments");
  await page.locator(".segment").first().click();
  await page.locator(".heat td.number").first().waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download" }).click()]);
  assert.match(download.suggestedFilename(), /^specfuse-.+\.json$/);
  const file = await download.path();
  await page.click('nav a[href="#/recording"]');
  await page.locator("#question-title").waitFor({ state: "detached" });
  await page.setInputFiles("#file", file);
  await page.locator("#question-title").waitFor();
  await fits(page, "recording");
  await page.locator(".segment").first().click();
  await page.locator("#round-title").waitFor();
  await page.setViewportSize(PHONE);
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  await page.screenshot({ path: join(folder, "phone-dark.png"), fullPage: true });
}

/** What a model says is text, whatever it says. */
async function markupIsText() {
  const text = 'Look: <script>window.pwned = 1</script><img src=x onerror="window.pwned = 1"> **bold** [link](javascript:alert(1)) & &lt;';
  const page = await open(DESKTOP, "dark");
  await page.route("**/v1/chat/completions", (route) => route.fulfill({ contentType: "text/event-stream", body: canned(text) }));
  await ask(page, await choose(page, SCORED));
  assert.equal(await page.locator(".answer").textContent(), text);
  await page.locator(".segment").first().click();
  await page.locator("#round-title").waitFor();
  assert.ok((await page.locator(".draft q").first().textContent()).includes("<script>"));
  const made = await page.locator("main script, main img, main .answer a, main .answer strong, main .answer b, .round img, .round script").count();
  assert.equal(made, 0, "markup of a model became elements");
  assert.equal(await page.evaluate(() => window.pwned), undefined);
  await page.context().close();
  assert.deepEqual(complaints, []);
}

/** A key is asked for where one is needed, and sent in a header only; Escape is a no. */
async function asksForAKey() {
  const page = await open(DESKTOP, "light", (request) => request.headers()["authorization"] === "Bearer of-the-test");
  await page.locator("dialog[open]").waitFor();
  await page.keyboard.press("Escape");
  await page.locator(".failure").waitFor();
  assert.match(await page.locator(".failure").textContent(), /key is needed.*401/i);
  await page.getByRole("button", { name: "Try again" }).click();
  await page.locator("dialog[open]").waitFor();
  for (let tabs = 0; tabs < 8; tabs += 1) {
    await page.keyboard.press("Tab");
    const outside = await page.evaluate(() => document.activeElement !== document.body && document.activeElement.closest("dialog") === null);
    assert.ok(!outside, "the focus left the dialog");
  }
  await page.fill("#key", "of-the-test");
  await page.keyboard.press("Enter");
  await page.locator("#strategy option").first().waitFor({ state: "attached" });
  assert.equal(await page.evaluate(() => JSON.stringify({ ...localStorage }).includes("of-the-test")), false);
  assert.ok(!page.url().includes("of-the-test"));
  await page.context().close();
  // The browser itself reports the status 401.
  assert.ok(complaints.splice(0).every((complaint) => complaint.includes("401")));
}

/** Errors come in words: before the stream, in it, and for a recording that is not there. */
async function failuresAreTold() {
  const page = await open(PHONE, "light");
  const error = { error: { message: "fewer members answer than the quorum", type: "server_error", param: null, code: null } };
  await page.route("**/v1/chat/completions", (route) =>
    route.fulfill({ contentType: "text/event-stream", body: `${event(chunk("Half"))}${event(error)}` }),
  );
  await ask(page, await choose(page, SCORED));
  assert.match(await page.locator(".error").textContent(), /fewer members answer than the quorum/i);
  assert.equal(await page.locator(".answer").textContent(), "Half");
  await fits(page, "a failed answer");
  const before = complaints.length;
  await page.goto(`${origin}/#/recording/nobody-asked-this`);
  await page.locator(".failure").waitFor();
  assert.match(await page.locator(".failure").textContent(), /no recording/);
  // The browser itself reports the status 404.
  assert.ok(complaints.splice(before).every((complaint) => complaint.includes("404")));
  await page.context().close();
  assert.deepEqual(complaints, []);
}

/** `admits` says which calls get through; the others are answered that a key is needed. */
async function open(viewport, colorScheme, admits = () => true) {
  const context = await browser.newContext({ viewport, colorScheme, acceptDownloads: true });
  const page = await context.newPage();
  page.on("console", (message) => message.type() === "error" && complaints.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => complaints.push(`page: ${error.message}`));
  page.on("request", (request) => {
    const url = new URL(request.url());
    const isLocal = url.protocol === "blob:" || url.protocol === "data:";
    if (url.origin !== origin && !isLocal) complaints.push(`request: ${url}`);
  });
  const refusal = { error: { message: "an API key is needed", type: "invalid_request_error", param: null, code: null } };
  await page.route("**/v1/**", (route) =>
    admits(route.request()) ? route.continue() : route.fulfill({ status: 401, contentType: "application/json", body: JSON.stringify(refusal) }),
  );
  await page.goto(`${origin}/`);
  return page;
}

/** The first of these strategies that there is. */
async function choose(page, names) {
  await page.locator("#strategy option").first().waitFor({ state: "attached" });
  const offered = await page.$$eval("#strategy option", (all) => all.map((option) => option.value));
  return names.find((name) => offered.includes(name)) ?? offered[0];
}

async function ask(page, strategy) {
  await page.selectOption("#strategy", strategy);
  await page.fill("#question", QUESTION);
  await page.click('.ask button[type="submit"]');
  await page.locator(".reply:not(.writing)").waitFor();
}

/** On a narrow screen only boxes scroll sideways, never the page. */
async function fits(page, what) {
  const before = page.viewportSize();
  await page.setViewportSize(PHONE);
  const beyond = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(beyond, 0, `${what} is ${beyond} pixels too wide for a phone`);
  await page.setViewportSize(before);
}

function canned(text) {
  const usage = {
    prompt_tokens: 5,
    completion_tokens: 9,
    total_tokens: 14,
    specfuse: { rounds: 1, members_per_round: 2, draft_calls: 2, score_calls: 0, scored_rounds: 0, gated_rounds: 0, members: [] },
  };
  const last = { id: "chatcmpl-canned", choices: [{ index: 0, delta: {}, logprobs: null, finish_reason: "stop" }] };
  return `${event(chunk(text))}${event(last)}${event({ id: "chatcmpl-canned", choices: [], usage })}data: [DONE]\n\n`;
}

function chunk(text) {
  const drafted = { outcome: "drafted", text, finished: true, tokens: 9, token_logprobs: [-0.5], tokens_computed: 9, tokens_cached: 0 };
  const trace = {
    round: 1,
    stage: 0,
    text,
    active: ["<b>one</b>", "two"],
    drafts: [{ member: "<b>one</b>", ...drafted }, { member: "two", outcome: "failed", why: "<i>late</i>" }],
    candidates: [{ text, finished: true, authors: ["<b>one</b>"], aggregate: null }],
    scores: [],
    winning_candidate: 0,
    winner: "<b>one</b>",
    decided_by: "unopposed",
    weights: null,
    entropy: null,
    keep: null,
    quality: [0.5, 0.5],
    exits: [],
    recalled: [],
    draft_micros: 1000,
    score_micros: 0,
  };
  const specfuse = { round: 1, winner: trace.winner, active: trace.active, exits: [], decided_by: trace.decided_by, trace };
  return { id: "chatcmpl-canned", choices: [{ index: 0, delta: { content: text }, logprobs: null, finish_reason: null }], specfuse };
}

function event(payload) {
  return `data: ${JSON.stringify(payload)}\n\n`;
}
