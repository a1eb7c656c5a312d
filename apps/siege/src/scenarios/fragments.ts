import { setTimeout as delay } from "node:timers/promises";
import { defaults } from "@upwire/core";
import { encodeClientFrame, Opcode } from "@upwire/testing";
import { inParallel, openMany } from "../crowd.ts";
import type { Peer } from "../peer.ts";
import type { Scenario, SiegeSettings } from "../scenario.ts";

const KiB = 1024;
/** Below the limit of 1,024, so that only the deadline ends it. */
const FRAGMENTS = 1000;
/** In one packet: what comes alone is kept alone by a reader that keeps what comes. */
const PER_PACKET = 10;
/** The heartbeat looks every 500 ms, and its clock stands still in between: a deadline is that exact. */
const BEAT_MS = 500;
/** That, and a thousand close handshakes at once. */
const GRACE_MS = 2000;

function sizes({ full }: SiegeSettings): { clients: number; messageTimeoutMs: number } {
  return full ? { clients: 1000, messageTimeoutMs: defaults.connection.messageTimeoutMs } : { clients: 100, messageTimeoutMs: 4000 };
}

export const fragments: Scenario = {
  name: "fragments",
  about(settings) {
    const { clients, messageTimeoutMs } = sizes(settings);
    return `${clients} clients each begin a message, send ${FRAGMENTS} fragments of one byte, and never end it; deadline ${messageTimeoutMs / 1000} s`;
  },
  together: ({ full }) => !full,

  async run(attack) {
    const { clients, messageTimeoutMs } = sizes(attack.settings);
    const server = await attack.start({ messageTimeoutMs });
    // What every first connection and first message loads is no client's.
    await Promise.all((await openMany(20, { port: server.port })).map((peer) => peer.close()));
    const before = await server.stats(true);

    const peers = await openMany(clients, { port: server.port });
    const begun = new Map<Peer, number>();
    const sent = await inParallel(clients, 200, async (index) => {
      const peer = peers[index] as Peer;
      begun.set(peer, performance.now());
      await drip(peer);
    });
    const during = await server.stats(true);
    attack.tell("messages begun", sent.length);
    attack.atMost("heap of each", (during.heap - before.heap) / KiB / clients, 64, "KiB");
    attack.tell("RSS of each", (during.rss - before.rss) / KiB / clients, "KiB");

    const giveUp = delay(messageTimeoutMs + GRACE_MS + 1000, undefined, { ref: false });
    const ends = await Promise.all(peers.map((peer) => Promise.race([peer.ended.then((end) => ({ end, peer })), giveUp])));
    const closed = ends.flatMap((ended) => (ended === undefined ? [] : { ...ended.end, after: ended.end.at - (begun.get(ended.peer) ?? 0) }));
    const onTime = closed.filter(({ after }) => after >= messageTimeoutMs - BEAT_MS && after <= messageTimeoutMs + GRACE_MS);
    const times = closed.map(({ after }) => after / 1000);
    const how = `${Math.min(...times).toFixed(1)} to ${Math.max(...times).toFixed(1)} s, ${closed[0]?.code} ${closed[0]?.reason}`;
    attack.exactly("closed at the deadline", onTime.length, clients, closed.length > 0 ? how : "none closed");
    for (const peer of peers) peer.socket.destroy();
    await attack.judgeHealth(server);
  },
};

async function drip({ socket }: Peer): Promise<void> {
  const one = (opcode: number): Buffer => encodeClientFrame({ opcode, fin: false, payload: "x" });
  socket.write(one(Opcode.text));
  const packet = Buffer.concat(Array.from({ length: PER_PACKET }, () => one(Opcode.continuation)));
  for (let rest = FRAGMENTS - 1; rest > 0; rest -= PER_PACKET) {
    socket.write(packet.subarray(0, Math.min(rest, PER_PACKET) * (packet.byteLength / PER_PACKET)));
    // Time for the server to read what it has, so that packets stay apart.
    await delay(1);
  }
}
