import { setTimeout as delay } from "node:timers/promises";
import { defaults } from "@upwire/core";
import { openMany } from "../crowd.ts";
import type { Peer } from "../peer.ts";
import type { Scenario, SiegeSettings } from "../scenario.ts";
import type { ServerOptions } from "../server-api.ts";

const PEERS = 50;
const CLOSE_MS = 6000;
/** How often a live client has something to say. */
const WORD_EVERY_MS = 5000;

interface Sizes {
  readonly clients: number;
  readonly limits: Required<Pick<ServerOptions, "pingIntervalMs" | "pongTimeoutMs">>;
}

function sizes({ full }: SiegeSettings): Sizes {
  const { pingIntervalMs, pongTimeoutMs } = defaults.connection;
  return full ? { clients: 2000, limits: { pingIntervalMs, pongTimeoutMs } } : { clients: 200, limits: { pingIntervalMs: 3000, pongTimeoutMs: 2000 } };
}

export const halfOpen: Scenario = {
  name: "half-open",
  about(settings) {
    const { clients, limits } = sizes(settings);
    const heartbeat = `ping every ${limits.pingIntervalMs / 1000} s, ${limits.pongTimeoutMs / 1000} s for the answer`;
    return `${PEERS} peers answer nothing, ${PEERS} answer no close, beside ${clients} live clients for ${settings.soakMinutes} min (${heartbeat})`;
  },
  together: () => true,

  async run(attack) {
    const { clients, limits } = sizes(attack.settings);
    const server = await attack.start(limits);
    const { port } = server;
    const live = await LiveClients.connect(port, clients);
    const soaked = delay(attack.settings.soakMinutes * 60_000);

    const deadlineMs = limits.pingIntervalMs + limits.pongTimeoutMs + 1000;
    const deaf = await openMany(PEERS, { port, answers: false });
    const found = await lifetimes(deaf, ({ openedAt }) => openedAt, deadlineMs + 5000);
    attack.atMost("half-open peer found, latest", Math.max(...found) / 1000, deadlineMs / 1000, "s");
    // A peer sees the end of TCP before the server has closed its own side of it.
    for (let tries = 0; tries < 50 && (await server.stats(false)).connections > clients; tries++) await delay(100);
    const { endings } = await server.stats(false);
    attack.exactly("found for want of a pong", endings["ERR_PONG_TIMEOUT"] ?? 0, PEERS);

    const rude = await openMany(PEERS, { port, answers: false });
    for (const peer of rude) peer.send("close");
    const askedAt = performance.now();
    const gone = await lifetimes(rude, () => askedAt, CLOSE_MS + 5000);
    attack.atMost("unanswered close gone, latest", Math.max(...gone) / 1000, CLOSE_MS / 1000, "s");

    await soaked;
    await live.fallSilent();
    attack.exactly("live clients lost", live.lost, 0, `of ${clients}`);
    attack.atLeast("messages echoed to them", live.echoed, live.sent, "", `of ${live.sent}`);
    attack.exactly("connections of the server", (await server.stats(false)).connections, clients);
    live.stop();
    await attack.judgeHealth(server);
  },
};

/** Milliseconds until the TCP connection of each is over; infinite for those that live on after `giveUpMs`. */
function lifetimes(peers: readonly Peer[], start: (peer: Peer) => number, giveUpMs: number): Promise<number[]> {
  const over = delay(giveUpMs, Infinity, { ref: false });
  return Promise.all(peers.map((peer) => Promise.race([peer.ended.then(() => performance.now() - start(peer)), over])));
}

class LiveClients {
  lost = 0;
  sent = 0;
  echoed = 0;
  readonly #peers: readonly Peer[];
  readonly #timer: NodeJS.Timeout;
  #next = 0;
  #isStopping = false;

  private constructor(peers: readonly Peer[]) {
    this.#peers = peers;
    for (const peer of peers) void peer.ended.then(() => this.#onEnd());
    this.#timer = setInterval(() => this.#speak(), WORD_EVERY_MS / 100);
  }

  static async connect(port: number, count: number): Promise<LiveClients> {
    let clients: LiveClients | undefined;
    const onMessage = (): void => {
      if (clients !== undefined) clients.echoed++;
    };
    clients = new LiveClients(await openMany(count, { port, onMessage }));
    return clients;
  }

  /** Says no more, and waits for the echoes that are under way. */
  async fallSilent(): Promise<void> {
    clearInterval(this.#timer);
    for (let tries = 0; tries < 50 && this.echoed < this.sent; tries++) await delay(100);
  }

  stop(): void {
    this.#isStopping = true;
    for (const { socket } of this.#peers) socket.destroy();
  }

  /** A hundredth of them at a time, so that the traffic is even. */
  #speak(): void {
    for (let left = this.#peers.length / 100; left > 0; left--) {
      this.#peers[this.#next++ % this.#peers.length]?.send("still here");
      this.sent++;
    }
  }

  #onEnd(): void {
    if (!this.#isStopping) this.lost++;
  }
}
