import type { ConnectionHandler } from "@upwire/core";
import { setImmediate } from "node:timers/promises";
import { expect } from "vitest";
import { addSlowPages, slowPages } from "../fuzz/slow-pages.ts";
import { runFuzz } from "../fuzz/run-fuzz.ts";
import { vectorApplication } from "../vectors/application.ts";
import type { Suite } from "./suite.ts";

/** Every run of the suite sends the same inputs; `upwire-fuzz` goes on from there. */
const SEED = 20_261_121;
const INPUTS = 200;
/** So many reach each kind of refusal on every machine. */
const V1_INPUTS = 500;
/** It takes a second, on a busy machine some more. */
const TIMEOUT_MS = 30_000;

/** Bytes that no client would send, and what the server makes of them. */
export function fuzzing(suite: Suite, uncaught: readonly unknown[]): void {
  for (const [how, handler] of Object.entries(echoes)) fuzz(suite, uncaught, how, handler);
  fuzzRealtime(suite, uncaught);
}

/** Messages of `upwire.v1`, mutated and out of order. */
function fuzzRealtime(suite: Suite, uncaught: readonly unknown[]): void {
  suite.it(
    `answers as upwire.v1 says while it gets ${V1_INPUTS} mutated inputs (seed ${SEED}), and holds nothing of them afterwards`,
    async () => {
      const application = vectorApplication({ fallback: echoes["whole"] as ConnectionHandler });
      const { port } = await suite.serve("/fuzzed", application.handler as never, { onError: () => {} });
      const { findings, inputs, outcomes } = await runFuzz(`ws://127.0.0.1:${port}/fuzzed`, {
        v1: true,
        pages: { quick: "/http" },
        seed: SEED,
        inputs: V1_INPUTS,
        concurrency: 32,
        faults: () => uncaught.map(String),
      });
      expect(findings).toEqual([]);
      expect(inputs).toBe(V1_INPUTS);
      expect(outcomes["survived"]).toBeGreaterThan(V1_INPUTS / 4);
      while (application.stats().connections > 0 || application.stats().inFlight > 0) await setImmediate();
      const { received, errors } = application.stats();
      for (const kind of Object.keys(received)) expect([kind, received[kind as "event"] > 0]).toEqual([kind, true]);
      expect(Object.keys(errors)).toEqual(expect.arrayContaining(["bad_message", "unknown_topic", "forbidden", "duplicate_id", "too_many"]));
    },
    TIMEOUT_MS,
  );
}

/** Whole messages, and messages as streams. */
const echoes: Readonly<Record<string, ConnectionHandler>> = {
  whole: { message: (connection, message) => void connection.send(message) },
  "as streams": {
    async stream(connection, { readable, isBinary }) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of readable) chunks.push(chunk);
      const bytes = Buffer.concat(chunks);
      connection.send(isBinary ? bytes : bytes.toString());
    },
  },
};

function fuzz(suite: Suite, uncaught: readonly unknown[], how: string, handler: ConnectionHandler): void {
  suite.it(
    `serves good clients and breaks no rule while it gets ${INPUTS} mutated inputs (seed ${SEED}), messages ${how}`,
    async () => {
      const { server, port } = await suite.serve("/fuzzed", handler);
      addSlowPages(server, "/http");
      const { findings, inputs, withSomethingBefore } = await runFuzz(`ws://127.0.0.1:${port}/fuzzed`, {
        pages: { quick: "/http", ...slowPages },
        seed: SEED,
        inputs: INPUTS,
        concurrency: 32,
        faults: () => uncaught.map(String),
      });
      expect(findings).toEqual([]);
      expect(inputs).toBe(INPUTS);
      expect(withSomethingBefore).toBeGreaterThanOrEqual(INPUTS / 4);
    },
    TIMEOUT_MS,
  );
}
