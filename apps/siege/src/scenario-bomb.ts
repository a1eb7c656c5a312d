import { constants, deflateRawSync } from "node:zlib";
import { encodeClientFrame, Opcode, WireClient } from "@upwire/testing";
import { MB, type Attack, type Scenario } from "./scenario.ts";
import type { ServerProcess } from "./server-process.ts";

const LIMITS = [64 * 1024, MB, 16 * MB];
/** Deflate makes zeros a thousand times smaller: the bomb on the wire has half of what a message may have. */
const RATIO = 512;
const LARGEST = 256 * MB;
const REPEATS = 3;

export function bombScenario(): Scenario {
  const frames = new Map<number, Buffer>();
  /** A message of so many zeros: made once for all variants. */
  const zeros = (bytes: number): Buffer => {
    const frame = frames.get(bytes) ?? compressed(bytes);
    frames.set(bytes, frame);
    return frame;
  };
  return {
    name: "bomb",
    about: () => `a compressed message that inflates to ${RATIO} times the limit (at most ${LARGEST / MB} MiB), ${REPEATS} times, at limits of 64 KiB, 1 MiB and 16 MiB`,
    together: () => false,

    async run(attack) {
      const servers: ServerProcess[] = [];
      for (const limit of LIMITS) servers.push(await explode(attack, limit, zeros));
      await attack.judgeHealth(...servers);
    },
  };
}

/** A fresh process for each limit: memory that a larger one took would hide what this one takes. */
async function explode(attack: Attack, limit: number, zeros: (bytes: number) => Buffer): Promise<ServerProcess> {
  const label = limit < MB ? `${limit / 1024} KiB` : `${limit / MB} MiB`;
  const legal = zeros(limit);
  const frame = zeros(Math.min(limit * RATIO, LARGEST));

  const server = await attack.start({ maxMessageBytes: limit, compression: true });
  // As long as a message may be: what the server needs for that is its right, and its baseline.
  const served = await askRepeatedly(server, legal);
  attack.exactly(`${label}: legal ones served`, served.filter((answer) => answer === `${limit}`).length, REPEATS, served.at(-1));

  const { rss } = await server.stats(true);
  await server.watch();
  const closes = await askRepeatedly(server, frame);
  const peak = await server.peaks();
  attack.exactly(`${label}: closed with 1009`, closes.filter((answer) => answer === "closed with 1009").length, REPEATS, closes.at(-1));
  attack.atMost(`${label}: peak of RSS`, (peak.rss - rss) / MB, limit / MB + 8, "MB", `over ${(rss / MB).toFixed(0)} MB after the legal ones`);
  attack.atMost(`${label}: loop delay`, peak.loopDelayMs, 200, "ms");
  return server;
}

async function askRepeatedly({ port }: ServerProcess, frame: Buffer): Promise<string[]> {
  const answers: string[] = [];
  for (let round = 0; round < REPEATS; round++) answers.push(await ask(port, frame));
  return answers;
}

/** What the server answers to one frame on a connection of its own. */
async function ask(port: number, frame: Buffer): Promise<string> {
  const client = await WireClient.connect({ port, path: "/ws", headers: { "Sec-WebSocket-Extensions": "permessage-deflate" } });
  client.sendRaw(frame);
  try {
    const { text } = await client.nextMessage(20_000);
    await client.close(1000);
    return text;
  } catch {
    // Closed, or silent for too long.
    client.end();
    return `closed with ${(await client.closed).code}`;
  }
}

/** One frame by permessage-deflate (RFC 7692 §7.2.1). */
function compressed(bytes: number): Buffer {
  const deflated = deflateRawSync(Buffer.alloc(bytes), { finishFlush: constants.Z_SYNC_FLUSH });
  return encodeClientFrame({ opcode: Opcode.binary, rsv: 4, payload: deflated.subarray(0, -4) });
}
