import { setTimeout as delay } from "node:timers/promises";
import { defaults } from "@upwire/core";
import { openMany } from "../crowd.ts";
import { Delays } from "../delays.ts";
import type { Peer, PeerOptions } from "../peer.ts";
import { MB, type Attack, type Scenario, type SiegeSettings } from "../scenario.ts";
import { nowMicroseconds, STAMP_DIGITS, type Overdue } from "../server-api.ts";
import { socketIoClient } from "../socket-io-client.ts";

/** The kernel takes 4 MB for a client that reads nothing, and only then it is our turn: the quick run sends faster. */
function sizes({ full }: SiegeSettings): { clients: number; stalled: number; perSecond: number; seconds: number; calmSeconds: number } {
  if (full) return { clients: 1000, stalled: 100, perSecond: 100, seconds: 60, calmSeconds: 20 };
  return { clients: 40, stalled: 4, perSecond: 800, seconds: 8, calmSeconds: 2 };
}

const BYTES = 1024;

export const stalled: Scenario = {
  name: "stalled",
  about(settings) {
    const { clients, stalled: some, perSecond, seconds } = sizes(settings);
    return `${some} of ${clients} clients stop reading for ${seconds} s of ${perSecond} broadcasts/s of 1 KiB`;
  },
  together: () => false,
  controls: ["ws loop", "Socket.IO"],

  async run(attack) {
    const { clients, stalled: some, perSecond, seconds, calmSeconds } = sizes(attack.settings);
    // Without pings: a client that reads nothing answers none either, and would be found by that first.
    const server = await attack.start({ pingIntervalMs: 0 });
    const readers = new Readers();
    const others = clients - some;
    const join = (count: number, onMessage: (payload: Buffer) => void): Promise<Peer[]> => {
      const options: PeerOptions = { port: server.port, onMessage };
      return attack.variant === "Socket.IO" ? socketIoClient(count, options) : openMany(count, options);
    };
    const send = async (forSeconds: number, delays: Delays): Promise<void> => {
      const wanted = delays.count + others * perSecond * forSeconds;
      readers.delays = delays;
      await server.broadcast({ perSecond, seconds: forSeconds, bytes: BYTES });
      // The last ones are still on their way when the server has sent them.
      for (let tries = 0; tries < 100 && delays.count < wanted; tries++) await delay(100);
    };

    await join(others, (payload) => readers.record(payload));
    await send(1, new Delays());
    // The calm run is before and after, so that a machine that gets slower or faster is not taken for the effect.
    const calm = new Delays();
    const stormy = new Delays();
    await send(calmSeconds, calm);

    const victims = await join(some, () => {});
    const { rss } = await server.stats(true);
    await server.watchQueues();
    await server.watch();
    for (const { socket } of victims) socket.pause();
    await send(seconds, stormy);
    const peak = await server.peaks();
    const overdue = await server.overdue();
    const { connections } = await server.stats(false);
    for (const { socket } of victims) socket.resume();
    await Promise.all(victims.map((victim) => (attack.isControl ? victim.reset() : Promise.race([victim.ended, delay(2000)]))));
    await send(calmSeconds, calm);

    attack.atMost("RSS growth", (peak.rss - rss) / MB, (some * defaults.connection.maxQueueBytes) / MB + 20, "MB");
    judgeClosing(attack, overdue, some);
    attack.exactly("stalled ones still connected", connections - others, 0);
    const before = calm.typicalMs(99);
    const during = stormy.typicalMs(99);
    attack.atMost("p99 of the others, with / without", during / before, 1.5, "x", `${during.toFixed(1)} / ${before.toFixed(1)} ms in most seconds`);
    attack.tell("median of the others", stormy.typicalMs(50), "ms", `without: ${calm.typicalMs(50).toFixed(1)} ms`);
    attack.exactly("messages to the others", stormy.count, others * perSecond * seconds);
    await attack.judgeHealth(server);
  },
};

class Readers {
  /** Takes the time between the planned time of a message and its coming. */
  delays: Delays | undefined;

  record(payload: Buffer): void {
    // Socket.IO has a few characters of its own in front.
    const start = payload.indexOf("0");
    const planned = Number(payload.toString("latin1", start, start + STAMP_DIGITS));
    this.delays?.record(planned, nowMicroseconds() - planned);
  }
}

function judgeClosing(attack: Attack, overdue: readonly Overdue[], some: number): void {
  if (attack.isControl) return;
  const closed = overdue.filter(({ lateMs }) => lateMs !== undefined);
  const reasons = [...new Set(closed.map(({ ending }) => ending))].join(", ");
  attack.exactly("stalled ones closed with a reason", closed.filter(({ ending }) => /^1013 \w/.test(ending)).length, some, reasons);
  attack.atMost("closed after passing the limit, latest", Math.max(0, ...closed.map(({ lateMs = 0 }) => lateMs)) / 1000, 2, "s");
}
