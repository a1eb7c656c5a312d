import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { inParallel, serveGoodClient } from "../crowd.ts";
import { sourceAddress } from "../peer.ts";
import type { Scenario, SiegeSettings } from "../scenario.ts";

const DEADLINE_MS = 15_000;
const WAIT_MS = DEADLINE_MS + 2000;
const GOOD_EVERY_MS = 250;

/** What a slow client sends at first, and then once a second. */
const KINDS: readonly { readonly name: string; readonly first: string; readonly again?: string }[] = [
  { name: "no byte", first: "" },
  { name: "half a line", first: "GET /ws HT" },
  { name: "one header a second", first: "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\n", again: "X-Slow: 1\r\n" },
];

function count({ full }: SiegeSettings): number {
  return full ? 2000 : 150;
}

export const slow: Scenario = {
  name: "slow",
  about: (settings) => `${count(settings)} clients send ${KINDS.map(({ name }) => name).join(", ")}`,
  together: ({ full }) => !full,

  async run(attack) {
    const server = await attack.start();
    await serveGoodClient(server.port);
    const clients = await inParallel(count(attack.settings), 100, (index) => SlowClient.connect(server.port, index));
    const over = performance.now() + WAIT_MS;
    const served: number[] = [];
    let openAtOnce = 0;
    while (performance.now() < over && clients.some(({ openFor }) => openFor === undefined)) {
      served.push(await serveGoodClient(server.port));
      openAtOnce = Math.max(openAtOnce, (await server.stats(false)).sockets);
      await delay(GOOD_EVERY_MS);
    }

    attack.tell("open at once", openAtOnce);
    for (const { name } of KINDS) {
      const times = clients.filter(({ kind }) => kind === name).map(({ openFor }) => openFor ?? Infinity);
      const closed = times.filter((ms) => ms <= DEADLINE_MS).length;
      const latest = Math.max(...times) / 1000;
      attack.exactly(
        `${name}: closed within 15 s`,
        closed,
        times.length,
        latest === Infinity ? `some open after ${WAIT_MS / 1000} s` : `latest ${latest.toFixed(1)} s`,
      );
    }
    attack.atMost("good client meanwhile, slowest", Math.max(...served), 100, "ms", `of ${served.length}`);
    for (const client of clients) client.stop();
    await attack.judgeHealth(server);
  },
};

class SlowClient {
  readonly kind: string;
  /** Milliseconds from the connect to the end; `undefined` while it is open. */
  openFor: number | undefined;
  readonly #socket: Socket;
  #timer: NodeJS.Timeout | undefined;

  private constructor(socket: Socket, index: number) {
    const { name, first, again } = KINDS[index % KINDS.length] as (typeof KINDS)[number];
    const start = performance.now();
    this.kind = name;
    this.#socket = socket;
    socket.write(first);
    if (again !== undefined) this.#timer = setInterval(() => socket.write(again), 1000);
    // The end of a stream is only seen by those who read it.
    socket.resume();
    socket.on("close", () => {
      this.openFor = performance.now() - start;
      clearInterval(this.#timer);
    });
  }

  static connect(port: number, index: number): Promise<SlowClient> {
    return new Promise((resolve) => {
      const localAddress = sourceAddress(index);
      const socket = connect({ port, host: "127.0.0.1", ...(localAddress !== undefined && { localAddress }) });
      socket.on("error", () => {});
      socket.once("connect", () => resolve(new SlowClient(socket, index)));
    });
  }

  stop(): void {
    this.#socket.destroy();
  }
}
