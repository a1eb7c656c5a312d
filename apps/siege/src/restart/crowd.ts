// The process of the clients: real ones, of @upwire/client, in a room and a board each.
import { setTimeout as delay } from "node:timers/promises";
import { createClient } from "@upwire/client";
import { WebSocket } from "ws";
import { nowMicroseconds } from "../server-api.ts";
import { serve, settingsOfChild } from "./child.ts";
import { BOARD, ROOM, type CrowdApi, type CrowdSettings } from "./server-api.ts";
import { emptyTestimony, Witness, type Numbered, type Testimony } from "./witness.ts";

const { port, clients: count, topics, everyMs } = settingsOfChild() as CrowdSettings;

const errors: string[] = [];
const note = (error: unknown): void => void errors.push(error instanceof Error ? String(error.stack) : String(error));
process.on("uncaughtException", note);
process.on("unhandledRejection", note);

interface Visitor {
  readonly topic: number;
  readonly room: Witness;
  readonly board: Witness;
  /** Of what the first client of the room publishes. */
  readonly said: Witness;
  /** In the room. */
  say(message: Numbered): Promise<unknown>;
  isOpen: boolean;
  /** Of the two subscriptions, on the connection that is open. */
  subscribed: number;
}

let openedAt: number[] = [];
const hushed = new AbortController();
let refused = 0;
/** What the first client of each room has published, and was told so. */
const saidLast: number[] = [];
let speakers: readonly Promise<void>[] = [];

function visit(index: number): Visitor {
  const witnesses = { room: new Witness(), board: new Witness(), said: new Witness() };
  const number = String(index % topics);
  const say = (message: Numbered): Promise<unknown> => client.topic(ROOM, { number }).publish("said", message, { key: true });
  const visitor: Visitor = { topic: index % topics, ...witnesses, say, isOpen: false, subscribed: 0 };
  const client = createClient(`ws://127.0.0.1:${port}/ws`, { WebSocket, onError: note });
  client.onStatus(({ state }) => {
    visitor.isOpen = state === "open";
    if (visitor.isOpen) openedAt.push(nowMicroseconds());
    else visitor.subscribed = 0;
  });
  for (const [pattern, witness] of [
    [ROOM, visitor.room],
    [BOARD, visitor.board],
  ] as const) {
    const topic = client.topic(pattern, { number });
    topic.onSubscribed((info) => {
      visitor.subscribed++;
      witness.subscribed(info);
    });
    topic.onGap(() => witness.gap());
    topic.on("state", (state) => witness.state(state as Numbered));
    topic.on("numbered", (message) => witness.message(message as Numbered));
  }
  const room = client.topic(ROOM, { number });
  room.onGap(() => visitor.said.gap());
  room.on("said", (message) => visitor.said.message(message as Numbered));
  return visitor;
}

/** One message after the other, each with a key: it is repeated until it is answered, and takes effect once. */
async function speak(visitor: Visitor): Promise<void> {
  for (let n = 1; !hushed.signal.aborted; n++) {
    try {
      await visitor.say({ life: "said", n });
      saidLast[visitor.topic] = n;
    } catch {
      refused++;
    }
    await delay(everyMs);
  }
}

function sum(witnesses: readonly Witness[]): Testimony {
  const total = emptyTestimony();
  for (const { testimony } of witnesses) for (const name of Object.keys(total) as (keyof Testimony)[]) total[name] += testimony[name];
  return total;
}

const visitors = Array.from({ length: count }, (_, index) => visit(index));

const api: CrowdApi = {
  subscribed: () => visitors.filter(({ subscribed }) => subscribed === 2).length,
  publish() {
    speakers = visitors.slice(0, topics).map(speak);
  },
  async hush() {
    hushed.abort();
    await Promise.all(speakers);
  },
  watch() {
    openedAt = [];
  },
  report({ life, numbers }) {
    const isAt = (witness: Witness, n: number | undefined): boolean => witness.at.life === life && witness.at.n === n;
    const isUpToDate = ({ topic, room, board, said }: Visitor): boolean =>
      isAt(room, numbers[topic]) && isAt(board, numbers[topics + topic]) && said.at.n >= (saidLast[topic] ?? 0);
    return {
      open: visitors.filter(({ isOpen }) => isOpen).length,
      rooms: sum(visitors.map(({ room }) => room)),
      boards: sum(visitors.map(({ board }) => board)),
      said: sum(visitors.map(({ said }) => said)),
      refused,
      behind: visitors.filter((visitor) => !isUpToDate(visitor)).length,
      errors: errors.slice(0, 20),
      openedAt,
    };
  },
};
serve(api);
