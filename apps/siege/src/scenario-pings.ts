import { setTimeout as delay } from "node:timers/promises";
import { encodeClientFrame, Opcode } from "@upwire/testing";
import { median } from "./crowd.ts";
import { Peer } from "./peer.ts";
import { MB, type Attack, type Scenario } from "./scenario.ts";
import type { ServerProcess } from "./server-process.ts";

const FLOOD = 40_000;
const BURST = 200;
const REPEATS = 3;
/** The longest that a control frame may be (RFC 6455 §5.5): so it costs the server most to keep. */
const PAYLOAD_BYTES = 125;
/** More than the kernel takes for a client that reads nothing: from then on the socket is blocked. */
const FILL_BYTES = 16 * MB;
/** One that the socket had taken before it was blocked, and the newest. */
const PONGS_PENDING = 2;

export const pings: Scenario = {
  name: "pings",
  about: () => `${FLOOD.toLocaleString("en")} pings of ${PAYLOAD_BYTES} bytes at a reader and at a never-reader, ${REPEATS} times each, and a burst of ${BURST} from a good client`,
  together: () => false,

  async run(attack) {
    // The never-reader is not to be closed for being slow while it floods.
    const server = await attack.start({ maxQueueBytes: 2 * FILL_BYTES, writeTimeoutMs: 120_000 });
    await floodReader(server);
    const reading = await growths(server, () => floodReader(server));
    attack.atMost("reader: RSS growth", median(reading.map(({ growth }) => growth)), 1, "MB", `of ${REPEATS}`);
    judge(attack, "reader", reading.map(({ result }) => result), undefined);

    await floodNeverReader(server);
    const silent = await growths(server, () => floodNeverReader(server));
    judge(attack, "never-reader", silent.map(({ result }) => result), PONGS_PENDING);
    attack.atMost("never-reader: RSS growth", median(silent.map(({ result }) => result.growth)), 1, "MB", `of ${REPEATS}`);

    const burst = await flood(server, BURST, false);
    attack.exactly(`burst of ${BURST}: newest answered`, burst.newest === BURST - 1 ? 1 : 0, 1, `${burst.pongs} pongs`);
    attack.exactly(`burst of ${BURST}: dropped`, burst.isServed ? 0 : 1, 0);
    await attack.judgeHealth(server);
  },
};

interface Answers {
  readonly pongs: number;
  /** The number in the last pong; -1 without one. */
  readonly newest: number;
  /** Whether a message was echoed afterwards. */
  readonly isServed: boolean;
  /** Of RSS, in MB, from the blocked socket to the end of the flood. */
  readonly growth: number;
}

const floodReader = (server: ServerProcess): Promise<Answers> => flood(server, FLOOD, false);
const floodNeverReader = (server: ServerProcess): Promise<Answers> => flood(server, FLOOD, true);

async function growths<T>(server: ServerProcess, attackOnce: () => Promise<T>): Promise<{ growth: number; result: T }[]> {
  const all: { growth: number; result: T }[] = [];
  for (let round = 0; round < REPEATS; round++) {
    const { rss } = await server.stats(true);
    await server.watch();
    const result = await attackOnce();
    all.push({ growth: ((await server.peaks()).rss - rss) / MB, result });
  }
  return all;
}

function judge(attack: Attack, who: string, floods: readonly Answers[], mostPongs: number | undefined): void {
  const pongs = Math.max(...floods.map((answers) => answers.pongs));
  if (mostPongs === undefined) attack.tell(`${who}: pongs`, pongs);
  else attack.atMost(`${who}: pongs after it reads again`, pongs, mostPongs);
  attack.exactly(`${who}: newest ping answered`, floods.filter(({ newest }) => newest === FLOOD - 1).length, REPEATS);
}

async function flood(server: ServerProcess, count: number, isBlocked: boolean): Promise<Answers> {
  let pongs = 0;
  let newest = -1;
  let tell = (): void => {};
  const echoed = new Promise<boolean>((resolve) => (tell = () => resolve(true)));
  const peer = await Peer.open({
    port: server.port,
    onPong: (payload) => {
      pongs++;
      newest = Number(payload.toString("latin1", 0, 8));
    },
    onMessage: (_payload, length) => {
      if (length < FILL_BYTES) tell();
    },
  });
  let before = 0;
  if (isBlocked) {
    peer.socket.pause();
    peer.send(`fill ${FILL_BYTES}`);
    await settled(server);
    before = (await server.stats(true)).rss;
    await server.watch();
  }
  const frames = Array.from({ length: count }, (_, index) => encodeClientFrame({ opcode: Opcode.ping, payload: `${index}`.padStart(8, "0").padEnd(PAYLOAD_BYTES, ".") }));
  // A hundred at a time, so that the server reads them in many turns.
  for (let at = 0; at < count; at += 100) {
    if (!peer.socket.write(Buffer.concat(frames.slice(at, at + 100)))) await Promise.race([new Promise((resolve) => peer.socket.once("drain", resolve)), peer.ended]);
  }
  await settled(server);
  const growth = isBlocked ? ((await server.peaks()).rss - before) / MB : 0;
  peer.socket.resume();
  peer.send("served?");
  const isServed = await Promise.race([echoed, peer.ended.then(() => false), delay(10_000, false)]);
  await peer.close();
  return { pongs, newest, isServed, growth };
}

/** The server has read what was sent to it before, or is not going to. */
async function settled(server: ServerProcess): Promise<void> {
  await server.stats(false);
  await delay(200);
}
