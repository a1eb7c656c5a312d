import { createRealtime } from "@upwire/realtime";
import { expect, it } from "vitest";
import { MemoryRoute } from "./helpers/memory-clients.ts";

it("says hello with what a client may count on", async () => {
  const realtime = createRealtime({ limits: { requests: 3, topics: 5 }, expectedClients: 1000 });
  const route = new MemoryRoute(realtime);
  const client = await route.plain({ "sec-websocket-protocol": "upwire.v1" });
  expect(await client.heard()).toEqual([
    {
      type: "upwire.hello",
      payload: {
        connectionId: client.connection.id,
        pingIntervalMs: 25_000,
        spreadMs: 400,
        limits: { requests: 3, topics: 5, replayMessages: 1000, replayBytes: 1_048_576, requestTimeoutMs: 30_000, retryWindowMs: 120_000 },
      },
    },
  ]);
});
