import { defaults, type Connection } from "@upwire/core";
import type { Hello, HelloLimits } from "@upwire/protocol";
import type { RealtimeLimits } from "./limits.ts";

/** A server takes about 2.5 clients back in a millisecond. */
const CLIENTS_PER_MS = 2.5;
const EXPECTED_CLIENTS = 10_000;

interface Setup {
  readonly limits: RealtimeLimits;
  readonly expectedClients: number | undefined;
  /** Of the options for the route. */
  readonly pingIntervalMs: number | undefined;
}

/** Makes the first frame of each connection. */
export function hello({ limits, expectedClients = EXPECTED_CLIENTS, pingIntervalMs }: Setup): (connection: Connection) => Hello {
  const { requests, topics, replayMessages, replayBytes, requestTimeoutMs, retryWindowMs } = limits;
  const told: HelloLimits = { requests, topics, replayMessages, replayBytes, requestTimeoutMs, retryWindowMs };
  const same = {
    // With the heartbeat of the server switched off, the client still has to find out that it is cut off.
    pingIntervalMs: pingIntervalMs || defaults.connection.pingIntervalMs,
    spreadMs: Math.ceil(expectedClients / CLIENTS_PER_MS),
    limits: told,
  };
  return ({ id }) => ({ type: "upwire.hello", payload: { connectionId: id, ...same } });
}
