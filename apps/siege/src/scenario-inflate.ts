import { setTimeout as delay } from "node:timers/promises";
import { constants, deflateRawSync } from "node:zlib";
import { encodeClientFrame, Opcode } from "@upwire/testing";
import { Peer } from "./peer.ts";
import { MB, type Attack, type Scenario } from "./scenario.ts";
import type { ServerProcess } from "./server-process.ts";

/** What one client writes at once. */
const BURST_BYTES = 2.1 * MB;
const CLIENTS = 20;
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
  about: () => `legal compressed messages, ${BURST_BYTES / MB} MiB of them in one write, by one client and by ${CLIENTS}, at the default limits, ${REPEATS} times each`,
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
  let answers = 0;
  let echoMs = 0;
  for (let round = 0; round < REPEATS; round++) {
    const result = await attackWith(server, burst, clients);
    delays.push(result.loopDelayMs);
    answers += result.answers;
    echoMs = Math.max(echoMs, result.echoMs);
  }
  const label = `${burst.name}, ${clients} ${clients === 1 ? "client" : "clients"}`;
  // The best of them: others use this machine too.
  attack.atMost(`${label}: loop delay`, Math.min(...delays), MOST_DELAY_MS, "ms", delays.map((ms) => ms.toFixed(1)).join(", "));
  attack.exactly(`${label}: messages answered`, answers, burst.messages * clients * REPEATS);
  attack.tell(`${label}: longest echo of a good client`, echoMs, "ms");
}

async function attackWith(server: ServerProcess, burst: Burst, clients: number): Promise<{ loopDelayMs: number; answers: number; echoMs: number }> {
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
  for (const { socket } of attackers) socket.write(burst.bytes);
  let echoMs = 0;
  const timeout = delay(30_000, undefined, { ref: false });
  let isOver = false;
  void Promise.race([done, timeout]).then(() => (isOver = true));
  while (!isOver) {
    const start = performance.now();
    good.send("good");
    await new Promise<void>((resolve) => (echoed = resolve));
    echoMs = Math.max(echoMs, performance.now() - start);
    await delay(5);
  }
  const { loopDelayMs } = await server.peaks();
  await Promise.all([good, ...attackers].map((peer) => peer.close()));
  return { loopDelayMs, answers, echoMs };
}

function bursts(): Burst[] {
  const json = Buffer.from(JSON.stringify(Array.from({ length: 40_000 }, (_, id) => ({ id, name: `user ${id * 7919}`, seen: id * 104_729 }))));
  return [
    burst("zeros", Buffer.alloc(LONGEST)),
    burst("JSON", json.subarray(0, LONGEST)),
    burst("1,000 bytes each", json.subarray(0, 1000)),
    burst("1 byte each", Buffer.of(1)),
  ];
}

function burst(name: string, payload: Buffer): Burst {
  const deflated = deflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH });
  const frame = encodeClientFrame({ opcode: Opcode.binary, rsv: 4, payload: deflated.subarray(0, -4) });
  const messages = Math.max(1, Math.floor(BURST_BYTES / frame.byteLength));
  return { name, bytes: Buffer.concat(Array.from({ length: messages }, () => frame)), messages };
}
