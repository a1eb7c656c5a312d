import { setTimeout as delay } from "node:timers/promises";
import { constants, deflateRawSync } from "node:zlib";
import { encodeClientFrame, Opcode } from "@upwire/testing";
import { median } from "../crowd.ts";
import { Peer } from "../peer.ts";
import { MB, type Attack, type Scenario } from "../scenario.ts";
import type { ServerProcess } from "../server-process.ts";

/** What one client writes at once. */
const BURST_BYTES = 2.1 * MB;
const CLIENTS = 5;
const REPEATS = 3;
/** The default of `maxMessageBytes`: all of it is legal. */
const LONGEST = MB;
const MOST_DELAY_MS = 20;
const offer = { "Sec-WebSocket-Extensions": "permessage-deflate" };

interface Burst {
  readonly name: string;
  readonly bytes: Buffer;
  readonly messages: number;
}

export const inflate: Scenario = {
  name: "inflate",
  about: () =>
    `legal compressed messages, up to ${BURST_BYTES / MB} MiB of them in one write, by one client and by ${CLIENTS}, at the default limits, ${REPEATS} times each`,
  together: () => false,

  async run(attack) {
    const server = await attack.start({ compression: true });
    for (const burst of bursts()) {
      // Compiles and loads what is measured.
      await attackWith(server, burst, 1);
      for (const clients of burst.messages > 10_000 ? [1] : [1, CLIENTS]) await judge(attack, server, burst, clients);
    }
    await attack.judgeHealth(server);
  },
};

async function judge(attack: Attack, server: ServerProcess, burst: Burst, clients: number): Promise<void> {
  const delays: number[] = [];
  const turns: number[] = [];
  let answers = 0;
  let echoMs = 0;
  for (let round = 0; round < REPEATS; round++) {
    const result = await attackWith(server, burst, clients);
    delays.push(result.loopDelayMs);
    turns.push(result.turnMs);
    answers += result.answers;
    echoMs = Math.max(echoMs, result.echoMs);
  }
  const label = `${burst.name}, ${clients} ${clients === 1 ? "client" : "clients"}`;
  attack.atMost(`${label}: longest turn`, median(turns), MOST_DELAY_MS, "ms", `processor time, median of ${list(turns)}`);
  // With what else this machine does.
  attack.tell(`${label}: loop delay`, median(delays), "ms", `median of ${list(delays)}`);
  attack.exactly(`${label}: messages answered`, answers, burst.messages * clients * REPEATS);
  attack.tell(`${label}: longest echo of a good client`, echoMs, "ms");
}

function list(figures: readonly number[]): string {
  return figures.map((ms) => ms.toFixed(1)).join(", ");
}

interface Result {
  readonly loopDelayMs: number;
  readonly turnMs: number;
  readonly answers: number;
  readonly echoMs: number;
}

async function attackWith(server: ServerProcess, burst: Burst, clients: number): Promise<Result> {
  let answers = 0;
  let echoed = (): void => {};
  const wanted = burst.messages * clients;
  let finished = (): void => {};
  const done = new Promise<void>((resolve) => (finished = resolve));
  const onMessage = (): void => {
    if (++answers === wanted) finished();
  };
  const good = await Peer.open({ port: server.port, onMessage: () => echoed() });
  const attackers = await Promise.all(Array.from({ length: clients }, () => Peer.open({ port: server.port, headers: offer, onMessage })));
  await server.watch();
  await server.watchTurns();
  for (const { socket } of attackers) socket.write(burst.bytes);
  let echoMs = 0;
  const timeout = delay(30_000, undefined, { ref: false });
  const over = { is: false };
  void Promise.race([done, timeout]).then(() => (over.is = true));
  while (!over.is) {
    const start = performance.now();
    good.send("good");
    await new Promise<void>((resolve) => (echoed = resolve));
    echoMs = Math.max(echoMs, performance.now() - start);
    await delay(5);
  }
  const { loopDelayMs, turnMs } = await server.peaks();
  await Promise.all([good, ...attackers].map((peer) => peer.close()));
  return { loopDelayMs, turnMs, answers, echoMs };
}

function bursts(): Burst[] {
  const json = Buffer.from(JSON.stringify(Array.from({ length: 40_000 }, (_, id) => ({ id, name: `user ${id * 7919}`, seen: id * 104_729 }))));
  return [
    burstOf("zeros", Buffer.alloc(LONGEST), 400),
    burstOf("JSON", json.subarray(0, LONGEST)),
    burstOf("1,000 bytes each", json.subarray(0, 1000), 10_000),
    burstOf("1 byte each", Buffer.of(1), 50_000),
  ];
}

function burstOf(name: string, payload: Buffer, mostMessages = Infinity): Burst {
  const deflated = deflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH });
  const frame = encodeClientFrame({ opcode: Opcode.binary, rsv: 4, payload: deflated.subarray(0, -4) });
  const messages = Math.min(mostMessages, Math.floor(BURST_BYTES / frame.byteLength));
  return { name, bytes: Buffer.concat(Array.from({ length: messages }, () => frame)), messages };
}
