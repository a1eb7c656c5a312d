import { once } from "node:events";
import { encodeClientFrame, Opcode } from "@upwire/testing";
import { constants, deflateRawSync } from "node:zlib";
import { Peer } from "../peer.ts";
import { MB, type Attack, type Scenario, type SiegeSettings } from "../scenario.ts";

const PIECE_BYTES = 64 * 1024;
/** Twice the message. */
const LIMIT_FACTOR = 2;
/** How much the process of the server may grow, however long the message is. */
const MOST_GROWN_MB = 64;
const DEFLATE = "permessage-deflate; client_no_context_takeover; server_no_context_takeover";

const sizeOf = ({ full }: SiegeSettings): number => (full ? 1024 : 256) * MB;

interface Sent {
  readonly figure: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The bytes on the wire, piece by piece. */
  readonly pieces: (bytes: number) => Iterable<Buffer>;
}

/** A masked piece of zeros is the mask repeated, so that one buffer serves for all of them. */
const MASK = Buffer.from([0x12, 0x34, 0x56, 0x78]);
const ZEROS = Buffer.alloc(PIECE_BYTES);

function* inFragments(bytes: number): Iterable<Buffer> {
  const fragment = (opcode: number, fin: boolean): Buffer => encodeClientFrame({ opcode, fin, payload: ZEROS, mask: MASK });
  yield fragment(Opcode.binary, false);
  const middle = fragment(Opcode.continuation, false);
  for (let left = bytes - 2 * PIECE_BYTES; left > 0; left -= PIECE_BYTES) yield middle;
  yield fragment(Opcode.continuation, true);
}

function* inOneFrame(bytes: number): Iterable<Buffer> {
  const head = Buffer.alloc(14);
  head[0] = 0x80 | Opcode.binary;
  head[1] = 0xff;
  head.writeBigUInt64BE(BigInt(bytes), 2);
  MASK.copy(head, 10);
  yield head;
  const piece = Buffer.alloc(PIECE_BYTES, MASK);
  for (let left = bytes; left > 0; left -= PIECE_BYTES) yield piece;
}

/** A thousandth of the message on the wire: as fast as the server inflates it. */
function* compressed(bytes: number): Iterable<Buffer> {
  const deflated = deflateRawSync(Buffer.alloc(bytes), { finishFlush: constants.Z_SYNC_FLUSH, level: 9 });
  yield encodeClientFrame({ opcode: Opcode.binary, rsv: 4, payload: deflated.subarray(0, -4) });
}

const ways: readonly Sent[] = [
  { figure: "fragments of 64 KiB", pieces: inFragments },
  { figure: "one frame", pieces: inOneFrame },
  { figure: "compressed 1000 times", pieces: compressed, headers: { "Sec-WebSocket-Extensions": DEFLATE } },
];

export const stream: Scenario = {
  name: "stream",
  about: (settings) =>
    `one message of ${sizeOf(settings) / MB} MiB, read as a stream under a limit of ${(LIMIT_FACTOR * sizeOf(settings)) / MB} MiB; ws takes it whole`,
  together: () => false,
  controls: ["ws whole"],

  async run(attack) {
    for (const way of ways) {
      if (attack.isControl && way.headers !== undefined) continue;
      await sendOne(attack, way);
    }
  },
};

async function sendOne(attack: Attack, { figure, headers = {}, pieces }: Sent): Promise<void> {
  const bytes = sizeOf(attack.settings);
  const server = await attack.start({ taking: "streams", compression: true, maxStreamBytes: LIMIT_FACTOR * bytes });
  // What a first message loads and compiles is not of this one.
  for (let warmUp = 0; warmUp < 3; warmUp++) await send(server.port, headers, pieces(4 * MB));
  const before = await server.stats(true);
  await server.watch();
  const start = performance.now();
  const taken = await send(server.port, headers, pieces(bytes));
  const seconds = (performance.now() - start) / 1000;
  const { rss, loopDelayMs } = await server.peaks();
  const note = `${(bytes / MB / seconds).toFixed(0)} MiB/s; from ${(before.rss / MB).toFixed(0)} to ${(rss / MB).toFixed(0)} MB`;
  attack.exactly(`bytes taken, ${figure}`, taken, bytes);
  attack.atMost(`RSS grows, ${figure}`, (rss - before.rss) / MB, MOST_GROWN_MB, "MB", note);
  attack.tell(`event loop held up, ${figure}`, loopDelayMs, "ms");
  await attack.judgeHealth(server);
}

/** @returns how many bytes the server says it took. */
async function send(port: number, headers: Readonly<Record<string, string>>, pieces: Iterable<Buffer>): Promise<number> {
  let tell = (_bytes: number): void => {};
  const taken = new Promise<number>((resolve) => (tell = resolve));
  const peer = await Peer.open({ port, headers, onMessage: (payload) => tell(Number(payload.toString())) });
  for (const piece of pieces) {
    if (!peer.socket.write(piece)) await Promise.race([once(peer.socket, "drain"), peer.ended]);
    if (peer.socket.destroyed) break;
  }
  const bytes = await Promise.race([taken, peer.ended.then(({ code, reason }) => Promise.reject(new Error(`closed with ${code} ${reason}`)))]);
  await peer.close();
  return bytes;
}
