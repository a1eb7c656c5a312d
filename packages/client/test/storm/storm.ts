import { createClient, type Client, type SocketLike } from "@upwire/client";
import { FakeClock } from "../helpers/fake-clock.ts";

/** One outage, and how the clients took it. */
export interface Storm {
  readonly outageMs: number;
  readonly seed: number;
  /** Most tries that began within any 100 ms, from the return of the server on. */
  readonly busiest: number;
  /** From the return of the server until 99 % of the clients are back. Milliseconds. */
  readonly backMs: number;
  /** All tries, failed ones included. */
  readonly tries: number;
}

/** What the outages are that a policy is judged by. Milliseconds. */
export const outages: readonly number[] = [0, 1000, 2000, 5000, 10_000, 20_000, 60_000];
export const MOST_PER_100_MS = 300;
export const BACK_WITHIN_MS = 8000;

const CLIENTS = 10_000;
const SPREAD_MS = 4000;
/** How long an answer of the server takes, a refusal as well. Milliseconds. */
const ROUND_TRIP_MS = 20;

type Handler = ((event: never) => void) | null;

/** Cuts 10,000 clients off in one moment, and watches them come back to a server that is away for `outageMs`. */
export async function simulate(outageMs: number, seed: number): Promise<Storm> {
  const clock = new FakeClock();
  const random = randomOf(seed);
  const tries: number[] = [];
  const open = new Set<Socket>();
  let isUp = true;

  class Socket implements SocketLike {
    readyState = 0 as const;
    protocol = "upwire.v1";
    extensions = "";
    bufferedAmount = 0;
    binaryType = "";
    onopen: Handler = null;
    onmessage: Handler = null;
    onerror: Handler = null;
    onclose: Handler = null;

    constructor() {
      tries.push(clock.now());
      const answer = isUp ? () => this.accept() : () => this.end();
      clock.after(ROUND_TRIP_MS, answer);
    }

    accept(): void {
      open.add(this);
      this.onopen?.({} as never);
      const hello = { type: "upwire.hello", payload: { connectionId: "c", pingIntervalMs: 3_600_000, spreadMs: SPREAD_MS, limits: {} } };
      this.onmessage?.({ data: JSON.stringify(hello) } as never);
    }

    end(): void {
      this.onclose?.({ code: 1006, reason: "", wasClean: false } as never);
    }

    send(): void {}
    close(): void {}
  }

  const clients: Client[] = [];
  const refuse = (): Promise<never> => Promise.reject(new Error("no server"));
  for (let count = 0; count < CLIENTS; count++) {
    clients.push(createClient("ws://server.test/", { WebSocket: Socket, clock, random, fetch: refuse }));
  }
  // Long enough for each connection to count as stable.
  await clock.advance(10_000);
  if (open.size !== CLIENTS) throw new Error(`${open.size} of ${CLIENTS} clients are connected before the outage`);

  isUp = false;
  tries.length = 0;
  const cut = [...open];
  open.clear();
  const cutAt = clock.now();
  for (const socket of cut) socket.end();
  await clock.advance(outageMs);
  isUp = true;
  const upAt = clock.now();
  while (open.size < CLIENTS * 0.99 && clock.now() < upAt + 60_000) await clock.advance(10);
  const backMs = clock.now() - upAt;
  // The last of them may come in a crowd, too.
  await clock.advance(20_000);
  for (const client of clients) client.close();
  return { outageMs: upAt - cutAt, seed, busiest: mostWithin(tries, upAt, 100), backMs, tries: tries.length };
}

/** The most of `times`, rising, that lie within any `ms` milliseconds from `from` on. */
function mostWithin(times: readonly number[], from: number, ms: number): number {
  const counted = times.filter((time) => time >= from);
  let first = 0;
  let most = 0;
  for (const [last, time] of counted.entries()) {
    while ((counted[first] ?? time) <= time - ms) first++;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed * 0x9e37_79b9;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
