import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { inParallel } from "../crowd.ts";
import { Peer, sourceAddress } from "../peer.ts";
import { MB, type Scenario, type SiegeSettings } from "../scenario.ts";
import type { ServerProcess } from "../server-process.ts";

const WIDTH = 100;
/** So many that what the first ones load and warm up is there. */
const WARM_UP = 2000;

/** Ways to come and go. */
const VISITS: readonly ((port: number, index: number) => Promise<unknown>)[] = [
  // A clean close.
  async (port, index) => (await visit(port, index)).close(),
  // A reset after a message.
  async (port, index) => {
    const peer = await visit(port, index);
    peer.send("hello");
    return peer.reset();
  },
  // A foreign page: 403.
  (port, index) => new Peer({ port, sourceAddress: sourceAddress(index), headers: { Origin: "https://evil.example" } }).answered,
  // Gone while the server decides.
  async (port, index) => {
    const peer = new Peer({ port, path: "/ws?wait=20", sourceAddress: sourceAddress(index) });
    await new Promise((resolve) => peer.socket.once("connect", resolve).once("close", resolve));
    await delay(2);
    return peer.reset();
  },
  // Gone before the request was complete.
  (port, index) =>
    new Promise((resolve) => {
      const localAddress = sourceAddress(index);
      const socket = connect({ port, host: "127.0.0.1", ...(localAddress !== undefined && { localAddress }) });
      socket.on("error", () => {});
      socket.once("connect", () => socket.write("GET /ws HTTP/1.1\r\nUpgra", () => socket.resetAndDestroy()));
      socket.once("close", resolve);
    }),
];

function count({ full }: SiegeSettings): number {
  return full ? 100_000 : 5000;
}

export const churn: Scenario = {
  name: "churn",
  about: (settings) =>
    `${count(settings).toLocaleString("en")} clients come and go: closed, reset, refused, gone while the server decides, gone within the request`,
  together: () => false,

  async run(attack) {
    const server = await attack.start();
    await comeAndGo(server, WARM_UP);
    const before = await server.quiet();
    const start = performance.now();
    await comeAndGo(server, count(attack.settings));
    const seconds = (performance.now() - start) / 1000;
    const after = await server.quiet();

    attack.atMost("heap growth", (after.heap - before.heap) / MB, 2, "MB", `${(before.heap / MB).toFixed(1)} MB before`);
    attack.exactly("connections left", after.connections, 0);
    attack.exactly("sockets left", after.sockets, 0);
    attack.exactly("members and rooms left in the hub", after.members + after.rooms, 0);
    attack.tell("RSS growth", (after.rss - before.rss) / MB, "MB");
    attack.tell("visits a second", count(attack.settings) / seconds);
    await attack.judgeHealth(server);
  },
};

function visit(port: number, index: number): Promise<Peer> {
  return Peer.open({ port, sourceAddress: sourceAddress(index) });
}

async function comeAndGo({ port }: ServerProcess, times: number): Promise<void> {
  await inParallel(times, WIDTH, (index) => VISITS[index % VISITS.length]?.(port, index) ?? Promise.resolve());
}
