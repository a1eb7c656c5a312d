import { expect } from "vitest";
import { WebSocket } from "ws";
import { vectorApplication } from "../vectors/application.ts";
import { runServerVectors } from "../vectors/run-server-vectors.ts";
import type { Suite } from "./suite.ts";

/** `upwire.v1` on this adapter: the vectors of the protocol, except those that wait for a deadline. */
export function vectors(suite: Suite): void {
  const { handler, act } = vectorApplication();
  suite.route("/vectors", handler);

  suite.it(
    "passes the vectors of upwire.v1",
    async () => {
      const connect = (protocols: string[]): WebSocket => new WebSocket(`ws://127.0.0.1:${suite.port}/vectors`, protocols);
      const results = await runServerVectors({ connect, act }, { fastOnly: true });
      expect(results.filter(({ fault }) => fault !== undefined)).toEqual([]);
      expect(results.length).toBeGreaterThan(60);
      // The vectors have events, requests and keys at which the application fails, and nothing else does.
      const texts = suite.errors.splice(0).map((error) => (error as Error).message);
      expect([...new Set(texts)]).toEqual(["a fault of the application of the vectors"]);
    },
    20_000,
  );
}
