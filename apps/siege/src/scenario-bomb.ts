import { constants, deflateRawSync } from "node:zlib";
import { WireClient } from "@upwire/testing";
import { encodeClientFrame, Opcode } from "@upwire/testing";
import { MB, type Attack, type Scenario } from "./scenario.ts";

const LIMITS = [64 * 1024, MB, 16 * MB];
/** Deflate makes zeros a thousand times smaller: the bomb on the wire has half of what a message may have. */
const RATIO = 512;
const LARGEST = 256 * MB;
const REPEATS = 3;

export const bomb: Scenario = {
  name: "bomb",
  about: () => `a compressed message that inflates to ${RATIO} times the limit (at most ${LARGEST / MB} MiB), ${REPEATS} times, at limits of 64 KiB, 1 MiB and 16 MiB`,
  together: () => false,

  async run(attack) {
    for (const limit of LIMITS) await explode(attack, limit);
  },
};

/** A fresh process for each limit: memory that a larger one took would hide what this one takes. */
async function explode(attack: Attack, limit: number): Promise<void> {
  const server = await attack.start({ maxMessageBytes: limit, compression: true });
  const label = limit < MB ? `${limit / 1024} KiB` : `${limit / MB} MiB`;
  // A legal message as long as it may be: what the server needs for that is its right.
  const legal = compressed(limit);
  const answers: string[] = [];
  for (let round = 0; round < REPEATS; round++) answers.push(await ask(server.port, legal));
  attack.exactly(`${label}: legal ones served`, answers.filter((answer) => answer === `${limit}`).length, REPEATS, answers.at(-1));

  const { rss } = await server.stats(true);
  const frame = compressed(Math.min(limit * RATIO, LARGEST));
  await server.watch();
  const closes: string[] = [];
  for (let round = 0; round < REPEATS; round++) closes.push(await ask(server.port, frame));
  const peak = await server.peaks();
  attack.exactly(`${label}: closed with 1009`, closes.filter((answer) => answer === "closed with 1009").length, REPEATS, closes.at(-1));
  attack.atMost(`${label}: peak of RSS`, (peak.rss - rss) / MB, limit / MB + 8, "MB", `over ${(rss / MB).toFixed(0)} MB after legal ones`);
  attack.atMost(`${label}: loop delay`, peak.loopDelayMs, 200, "ms");
  await attack.judgeHealth(server);
  await server.stop();
}

/** What the server answers to one frame on a connection of its own. */
async function ask(port: number, frame: Buffer): Promise<string> {
  const client = await WireClient.connect({ port, path: "/ws", headers: { "Sec-WebSocket-Extensions": "permessage-deflate" } });
  client.sendRaw(frame);
  const answer = await Promise.race([client.nextMessage(20_000).then(({ text }) => text, () => undefined), client.closed.then(() => undefined)]);
  const end = answer === undefined ? client.closed : client.close(1000);
  return answer ?? `closed with ${(await end).code}`;
}

/** One frame of a message of zeros by permessage-deflate (RFC 7692 §7.2.1). */
function compressed(bytes: number): Buffer {
  const deflated = deflateRawSync(Buffer.alloc(bytes), { finishFlush: constants.Z_SYNC_FLUSH });
  return encodeClientFrame({ opcode: Opcode.binary, rsv: 4, payload: deflated.subarray(0, -4) });
}
