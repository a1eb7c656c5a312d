import { constants, deflateRawSync } from "node:zlib";
import { encodeClientFrame, Opcode, WireClient } from "@upwire/testing";
import { median } from "../crowd.ts";
import { MB, type Attack, type Scenario } from "../scenario.ts";
import type { ServerProcess } from "../server-process.ts";

const LIMITS = [64 * 1024, MB, 16 * MB];
/** Deflate makes zeros a thousand times smaller: the bomb on the wire has half of what a message may have. */
const RATIO = 512;
const LARGEST = 256 * MB;
const REPEATS = 3;
/** Legal messages first, so that inflating is loaded and compiled; small ones, so that they leave no room for the bomb. */
const WARM_UPS = 10;
const WARM_UP_BYTES = 32 * 1024;

/** The frame of a message of so many zeros. */
type ZerosOf = (bytes: number) => Buffer;

export function bombScenario(): Scenario {
  const frames = new Map<number, Buffer>();
  // Made once for all variants.
  const zeros: ZerosOf = (bytes) => {
    const frame = frames.get(bytes) ?? compressed(bytes);
    frames.set(bytes, frame);
    return frame;
  };
  return {
    name: "bomb",
    about: () =>
      `a compressed message that inflates to ${RATIO} times the limit (at most ${LARGEST / MB} MiB), on ${REPEATS} servers each, at limits of 64 KiB, 1 MiB and 16 MiB`,
    together: () => false,

    async run(attack) {
      const servers: ServerProcess[] = [];
      for (const limit of LIMITS) servers.push(...(await explodeRepeatedly(attack, limit, zeros)));
      await attack.judgeHealth(...servers);
    },
  };
}

interface Explosion {
  readonly answer: string;
  readonly legalAnswer: string;
  readonly baseline: number;
  /** Of RSS, in MB, at the peak. */
  readonly growth: number;
  readonly loopDelayMs: number;
}

async function explodeRepeatedly(attack: Attack, limit: number, zeros: ZerosOf): Promise<ServerProcess[]> {
  const servers: ServerProcess[] = [];
  const explosions: Explosion[] = [];
  for (let round = 0; round < REPEATS; round++) {
    const server = await attack.start({ maxMessageBytes: limit, compression: true });
    servers.push(server);
    explosions.push(await explode(server, limit, zeros));
  }
  const label = limit < MB ? `${limit / 1024} KiB` : `${limit / MB} MiB`;
  const growths = explosions.map(({ growth }) => growth);
  const note = `median of ${growths.map((growth) => growth.toFixed(1)).join(", ")} over ${explosions[0]?.baseline.toFixed(0)} MB`;
  attack.exactly(`${label}: closed with 1009`, explosions.filter(({ answer }) => answer === "closed with 1009").length, REPEATS, explosions[0]?.answer);
  attack.atMost(`${label}: peak of RSS`, median(growths), limit / MB + 8, "MB", note);
  attack.atMost(`${label}: loop delay`, median(explosions.map(({ loopDelayMs }) => loopDelayMs)), 200, "ms");
  attack.exactly(`${label}: legal ones served`, explosions.filter(({ legalAnswer }) => legalAnswer === `${limit}`).length, REPEATS);
  return servers;
}

/** Needs a fresh process: memory that an earlier message took would hide what this one takes. */
async function explode(server: ServerProcess, limit: number, zeros: ZerosOf): Promise<Explosion> {
  for (let round = 0; round < WARM_UPS; round++) await ask(server.port, zeros(WARM_UP_BYTES));
  const { rss } = await server.stats(true);
  await server.watch();
  const answer = await ask(server.port, zeros(Math.min(limit * RATIO, LARGEST)));
  const peak = await server.peaks();
  const legalAnswer = await ask(server.port, zeros(limit));
  return { answer, legalAnswer, baseline: rss / MB, growth: (peak.rss - rss) / MB, loopDelayMs: peak.loopDelayMs };
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
