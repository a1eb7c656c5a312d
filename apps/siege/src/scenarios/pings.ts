import { setTimeout as delay } from "node:timers/promises";
import { encodeClientFrame, Opcode } from "@upwire/testing";
import { median } from "../crowd.ts";
import { Peer } from "../peer.ts";
import { MB, type Attack, type Scenario } from "../scenario.ts";
import type { ServerProcess } from "../server-process.ts";

const FLOOD = 40_000;
const BURST = 200;
const WARM_UPS = 3;
const REPEATS = 3;
/** The longest that a control frame may be (RFC 6455 §5.5): so it costs the server most to keep. */
const PAYLOAD_BYTES = 125;
/** In one write, so that the server reads them in many turns. */
const PER_WRITE = 100;
/** More than the kernel takes for a client that reads nothing: from then on the socket is blocked. */
const FILL_BYTES = 16 * MB;
/** Those that the socket had taken before it was blocked, 16 in one write, and as many that wait. */
const PONGS_PENDING = 32;

export const pings: Scenario = {
  name: "pings",
  about: () =>
    `${FLOOD.toLocaleString("en")} pings of ${PAYLOAD_BYTES} bytes at a reader and at a never-reader, ${REPEATS} times each, and a burst of ${BURST} from a good client`,
  together: () => false,

  async run(attack) {
    // The never-reader is not to be closed for being slow while it floods.
    const server = await attack.start({ maxQueueBytes: 2 * FILL_BYTES, writeTimeoutMs: 120_000 });
    const writes = pingWrites(FLOOD);
    const repeat = async (times: number, isBlocked: boolean): Promise<Answers[]> => {
      const floods: Answers[] = [];
      while (floods.length < times) floods.push(await flood(server, writes, isBlocked));
      return floods;
    };

    await repeat(WARM_UPS, false);
    judge(attack, "reader", await repeat(REPEATS, false));
    await repeat(1, true);
    const blocked = await repeat(REPEATS, true);
    judge(attack, "never-reader", blocked);
    attack.atMost("never-reader: pongs that waited", Math.max(...blocked.map(({ pongs }) => pongs)), PONGS_PENDING);

    const burst = await flood(server, [Buffer.concat(pingWrites(BURST))], false);
    attack.exactly(`burst of ${BURST}: the newest is answered`, burst.newest, BURST - 1, `${burst.pongs} pongs`);
    attack.exactly(`burst of ${BURST}: good clients dropped`, burst.isServed ? 0 : 1, 0);
    await attack.judgeHealth(server);
  },
};

interface Answers {
  readonly pongs: number;
  /** The number in the last pong; -1 without one. */
  readonly newest: number;
  /** Whether a message was echoed afterwards. */
  readonly isServed: boolean;
  /** Of RSS, in MB, when all is sent; garbage is collected. */
  readonly growth: number;
  /** At the peak of the flood, with garbage. */
  readonly peak: number;
  /** Of the heap, in MB, when all is sent: RSS may have room from earlier floods, and this does not hide in it. */
  readonly held: number;
}

function judge(attack: Attack, who: string, floods: readonly Answers[]): void {
  const growths = floods.map(({ growth }) => growth);
  const peaks = floods.map(({ peak }) => peak.toFixed(1)).join(", ");
  attack.atMost(`${who}: RSS growth`, median(growths), 1, "MB", `peaks with garbage ${peaks}`);
  attack.atMost(`${who}: held by the heap`, median(floods.map(({ held }) => held)), 1, "MB");
  const answered = floods.filter(({ newest }) => newest === FLOOD - 1).length;
  attack.exactly(`${who}: the newest is answered`, answered, REPEATS, `${Math.max(...floods.map(({ pongs }) => pongs))} pongs`);
}

/** Pings with their numbers. */
function pingWrites(count: number): Buffer[] {
  const frames = Array.from({ length: count }, (_, index) =>
    encodeClientFrame({ opcode: Opcode.ping, payload: `${index}`.padStart(8, "0").padEnd(PAYLOAD_BYTES, ".") }),
  );
  return Array.from({ length: count / PER_WRITE }, (_, write) => Buffer.concat(frames.slice(write * PER_WRITE, (write + 1) * PER_WRITE)));
}

async function flood(server: ServerProcess, writes: readonly Buffer[], isBlocked: boolean): Promise<Answers> {
  let pongs = 0;
  let newest = -1;
  let tell = (_isServed: boolean): void => {};
  const echoed = new Promise<boolean>((resolve) => (tell = resolve));
  const peer = await Peer.open({
    port: server.port,
    onPong(payload) {
      pongs++;
      newest = Number(payload.toString("latin1", 0, 8));
    },
    onMessage(_payload, length) {
      if (length < FILL_BYTES) tell(true);
    },
  });
  if (isBlocked) {
    peer.socket.pause();
    peer.send(`fill ${FILL_BYTES}`);
    await taken(server);
  }
  const before = await server.stats(true);
  await server.watch();
  for (const write of writes) if (!peer.socket.write(write)) await Promise.race([drained(peer), peer.ended]);
  await taken(server);
  const peak = ((await server.peaks()).rss - before.rss) / MB;
  const after = await server.stats(true);
  const growth = (after.rss - before.rss) / MB;
  const held = (after.heap - before.heap) / MB;
  peer.socket.resume();
  peer.send("served?");
  const isServed = await Promise.race([echoed, peer.ended.then(() => false), delay(10_000, false, { ref: false })]);
  await peer.close();
  return { pongs, newest, isServed, growth, peak, held };
}

function drained({ socket }: Peer): Promise<void> {
  return new Promise((resolve) => socket.once("drain", resolve));
}

/** The server has had the time to read what was sent to it before. */
async function taken(server: ServerProcess): Promise<void> {
  await delay(100);
  await server.stats(false);
}
