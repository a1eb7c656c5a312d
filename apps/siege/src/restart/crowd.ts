// The process of the clients: real ones, of @upwire/client, in a room and a board each.
import { createClient } from "@upwire/client";
import { WebSocket } from "ws";
import { nowMicroseconds } from "../server-api.ts";
import { serve, settingsOfChild } from "./child.ts";
import { BOARD, ROOM, type CrowdApi, type CrowdSettings } from "./server-api.ts";
import { emptyTestimony, Witness, type Numbered, type Testimony } from "./witness.ts";

const { port, clients: count, topics } = settingsOfChild<CrowdSettings>();

const errors: string[] = [];
const note = (error: unknown): void => void errors.push(error instanceof Error ? String(error.stack) : String(error));
process.on("uncaughtException", note);
process.on("unhandledRejection", note);

interface Visitor {
  readonly topic: number;
  readonly room: Witness;
  readonly board: Witness;
  isOpen: boolean;
  /** Of the two subscriptions, on the connection that is open. */
  subscribed: number;
}

let openedAt: number[] = [];

function visit(index: number): Visitor {
  const visitor: Visitor = { topic: index % topics, room: new Witness(), board: new Witness(), isOpen: false, subscribed: 0 };
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
    const topic = client.topic(pattern, { number: String(visitor.topic) });
    topic.onSubscribed((info) => {
      visitor.subscribed++;
      witness.subscribed(info);
    });
    topic.onGap(() => witness.gap());
    topic.on("state", (state) => witness.state(state as Numbered));
    topic.on("numbered", (message) => witness.message(message as Numbered));
  }
  return visitor;
}

function sum(witnesses: readonly Witness[]): Testimony {
  const total = emptyTestimony();
  for (const { testimony } of witnesses) for (const name of Object.keys(total) as (keyof Testimony)[]) total[name] += testimony[name];
  return total;
}

const visitors = Array.from({ length: count }, (_, index) => visit(index));

const api: CrowdApi = {
  subscribed: () => visitors.filter(({ subscribed }) => subscribed === 2).length,
  watch() {
    openedAt = [];
  },
  report({ life, numbers }) {
    const isAt = (witness: Witness, n: number | undefined): boolean => witness.at.life === life && witness.at.n === n;
    const behind = visitors.flatMap(({ topic, room, board }) => [isAt(room, numbers[topic]), isAt(board, numbers[topics + topic])]).filter((is) => !is);
    return {
      open: visitors.filter(({ isOpen }) => isOpen).length,
      rooms: sum(visitors.map(({ room }) => room)),
      boards: sum(visitors.map(({ board }) => board)),
      behind: behind.length,
      errors: errors.slice(0, 20),
      openedAt,
    };
  },
};
serve(api);
