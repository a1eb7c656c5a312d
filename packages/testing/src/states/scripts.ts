import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { State } from "./cell.ts";
import type { WholeResponse } from "./http-reader.ts";
import { BODY, get, getOfferingH2c, post } from "./requests.ts";
import { HELD_PATH, type Stage } from "./stage.ts";
import type { StateClient } from "./state-client.ts";

const HELD = "held";
const PIECE = Buffer.alloc(64 * 1024, "d");

/** One cell under way. */
export interface Round {
  readonly stage: Stage;
  readonly client: StateClient;
  /** Of the held page. */
  readonly name: string;
  readonly upgrade: Buffer;
}

/** An earlier response that is not finished. */
export interface Unfinished {
  /** Lets the application finish it, and reads it whole. */
  finish(): Promise<void>;
  /** Lets the application finish it, whatever becomes of it. */
  abandon(): void;
}

/** Brings a connection into a state and sends the upgrade request. Returns what is to be finished. */
export type Script = (round: Round) => Promise<Unfinished | undefined>;

function expectPage({ head, body }: WholeResponse, right: string | Buffer): void {
  const got = body.byteLength > 200 ? `${body.byteLength} bytes` : JSON.stringify(body.toString());
  if (head.status !== 200) throw new Error(`an earlier request was answered with ${head.status} ${got}`);
  if (!body.equals(typeof right === "string" ? Buffer.from(right) : right)) throw new Error(`an earlier request was answered with the body ${got}`);
}

async function held(round: Round, ...behind: readonly (string | Buffer)[]): Promise<ServerResponse> {
  round.client.send(get(`${HELD_PATH}?${round.name}`), ...behind);
  return round.stage.page(round.name);
}

/** The whole answer of the held page is still to come. */
function answerLater({ client }: Round, page: ServerResponse): Unfinished {
  const abandon = (): void => void page.writeHead(200, { "content-length": HELD.length }).end(HELD);
  return {
    abandon,
    finish: async () => {
      abandon();
      expectPage(await client.response("the held request"), HELD);
    },
  };
}

/** Writes until nothing leaves any more. Returns how much that was. */
async function fill(page: ServerResponse, stage: Stage): Promise<number> {
  let bytes = 0;
  const drained = { is: true };
  while (drained.is) {
    drained.is = false;
    do bytes += PIECE.byteLength;
    while (page.write(PIECE));
    const onDrain = (): void => void (drained.is = true);
    page.once("drain", onDrain);
    for (let turns = 0; turns < 3 && !drained.is; turns++) await stage.turn();
    page.off("drain", onDrain);
  }
  return bytes;
}

export const scripts: Readonly<Record<State, Script>> = {
  fresh: async ({ client, upgrade }) => {
    client.send(upgrade);
    return undefined;
  },

  "after a finished response": async ({ client, upgrade }) => {
    client.send(get("/http"));
    expectPage(await client.response("GET /http"), "http");
    client.send(upgrade);
    return undefined;
  },

  "after h2c": async ({ client, upgrade }) => {
    client.send(getOfferingH2c("/http"));
    expectPage(await client.response("GET /http with h2c"), "http");
    client.send(upgrade);
    return undefined;
  },

  "behind an unfinished h2c": async (round) => {
    const { client, stage, name } = round;
    client.send(getOfferingH2c(`${HELD_PATH}?${name}`));
    const page = await stage.page(name);
    client.send(round.upgrade);
    return answerLater(round, page);
  },

  "behind a response that closes": async (round) => {
    const page = await held(round, round.upgrade);
    page.setHeader("connection", "close");
    return answerLater(round, page);
  },

  pipelined: async (round) => answerLater(round, await held(round, round.upgrade)),

  "ended late": async (round) => {
    const page = await held(round);
    page.writeHead(200, { "content-length": HELD.length }).write(HELD);
    expectPage(await round.client.response("the held request"), HELD);
    round.client.send(round.upgrade);
    const abandon = (): void => void page.end();
    return { abandon, finish: async () => abandon() };
  },

  "unread download": async (round) => {
    const { client, stage, upgrade } = round;
    client.socket.pause();
    const page = await held(round);
    page.writeHead(200);
    const bytes = await fill(page, stage);
    client.send(upgrade);
    return {
      abandon: () => {
        client.socket.resume();
        page.end(HELD);
      },
      finish: async () => {
        client.socket.resume();
        if (page.writableNeedDrain) {
          await once(page, "drain", { signal: AbortSignal.timeout(10_000) }).catch(() => {
            throw new Error("a download that the client reads again stands still: no drain");
          });
        }
        page.end(HELD);
        expectPage(await client.response("the download"), Buffer.concat([Buffer.alloc(bytes, "d"), Buffer.from(HELD)]));
      },
    };
  },

  "long streaming": async (round) => {
    const { client, stage, upgrade } = round;
    const page = await held(round);
    page.writeHead(200).write("one, ");
    await client.body(5);
    client.send(upgrade);
    return {
      abandon: () => void page.end("two"),
      finish: async () => {
        // Longer than the deadline of a handshake.
        await stage.clock.step();
        page.end("two");
        expectPage(await client.response("the stream"), "one, two");
      },
    };
  },

  "several pipelined": async (round) => {
    const { client } = round;
    const page = await held(round, post(), get("/http"), round.upgrade);
    const abandon = (): void => void page.writeHead(200, { "content-length": HELD.length }).end(HELD);
    return {
      abandon,
      finish: async () => {
        abandon();
        expectPage(await client.response("the first of three requests"), HELD);
        expectPage(await client.response("the second of three requests"), BODY);
        expectPage(await client.response("the third of three requests"), "http");
      },
    };
  },
};
