// Asks a coordinator one question and prints who wrote each segment of the answer.

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";

import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../gen/error_details_pb.js";
import { EnsembleService, FinishReason } from "../gen/specfuse/v1/ensemble_pb.js";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    endpoint: { type: "string", default: process.env.SPECFUSE_ENDPOINT ?? "http://localhost:7070" },
    "api-key": { type: "string", default: process.env.SPECFUSE_API_KEY ?? "" },
    // PEM file: trust these. The endpoint then begins with https://.
    "tls-ca": { type: "string", default: process.env.SPECFUSE_TLS_CA ?? "" },
    // Seconds.
    deadline: { type: "string", default: "60" },
    // Cancel after so many.
    segments: { type: "string", default: "0" },
    temperature: { type: "string", default: "0" },
  },
});

async function ask(question: string): Promise<void> {
  const ca = options["tls-ca"];
  const transport = createGrpcTransport({
    baseUrl: options.endpoint,
    nodeOptions: ca === "" ? {} : { ca: readFileSync(ca) },
  });
  const client = createClient(EnsembleService, transport);
  const key = options["api-key"];
  const hangUp = new AbortController();
  const answer = client.generate(
    {
      prompt: { case: "conversation", value: { messages: [{ role: "user", content: question }] } },
      sampling: { temperature: Number(options.temperature) },
    },
    {
      timeoutMs: Number(options.deadline) * 1000,
      headers: key === "" ? {} : { authorization: `Bearer ${key}` },
      signal: hangUp.signal,
    },
  );
  let segments = 0;
  for await (const { event } of answer) {
    if (event.case === "segment") {
      segments += 1;
      console.log(`${event.value.winner || "-"}: ${JSON.stringify(event.value.text)}`);
      if (segments === Number(options.segments)) {
        // Every worker stops computing for this answer.
        hangUp.abort();
        console.log(`cancelled after ${segments} segments`);
        return;
      }
    } else if (event.case === "finished") {
      const { reason, text, usage } = event.value;
      if (text !== "") console.log(`-: ${JSON.stringify(text)}`);
      console.log(`${FinishReason[reason]}: ${usage?.rounds} rounds, ${usage?.completionTokens} tokens`);
    }
  }
}

function explain(error: ConnectError): void {
  console.error(`${Code[error.code]}: ${error.rawMessage}`);
  for (const info of error.findDetails(ErrorInfoSchema)) {
    console.error(`reason: ${info.reason}`);
  }
  for (const { field, description } of error.findDetails(BadRequestSchema).flatMap((bad) => bad.fieldViolations)) {
    console.error(`field: ${field}: ${description}`);
  }
  for (const { retryDelay } of error.findDetails(RetryInfoSchema)) {
    console.error(`try again in ${Number(retryDelay?.seconds ?? 0) + (retryDelay?.nanos ?? 0) / 1e9} s`);
  }
}

try {
  await ask(positionals[0] ?? "");
} catch (error) {
  explain(ConnectError.from(error));
  process.exitCode = 1;
}
