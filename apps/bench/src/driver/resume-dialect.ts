import type { Protocol } from "../catalogue.ts";
import { TOPIC } from "../topic-text.ts";
import { dialects, type Dialect } from "./dialect.ts";

/** What a client keeps from its first visit to go on from there. */
export type Memory = Readonly<Record<string, string | number>>;

/** How a client gets into the topic, and comes back to it. */
export interface ResumeDialect extends Dialect {
  /** What it says once it is connected: the first time, or with what it kept. */
  join(memory?: Memory): string;
  /** What a message of its first visit adds to what it keeps; `undefined` when that is nothing. */
  kept(message: string): Memory | undefined;
  /** What the answer to `join` says: whether all that was missed comes. `undefined` when the message is no such answer. */
  isComplete(message: string, memory: Memory): boolean | undefined;
}

const v1: ResumeDialect = {
  ...dialects.topic,
  greeting: (message) => ({ open: message.includes('"upwire.hello"') }),
  join: (memory) => JSON.stringify({ type: "upwire.subscribe", id: 1, topic: TOPIC, ...(memory !== undefined && { since: memory }) }),
  kept(message) {
    const { re, offset, payload } = JSON.parse(message) as { re?: number; offset?: number; payload?: { epoch: string } };
    if (re === 1 && payload !== undefined) return { epoch: payload.epoch };
    return offset === undefined ? undefined : { offset };
  },
  isComplete: (message) => (message.startsWith('{"re":1,') ? message.includes('"resumed":true') : undefined),
};

/** Connection state recovery: a session that the server keeps, and the id of the last packet. */
const socketio: ResumeDialect = {
  ...dialects["socket.io-room"],
  greeting: (message) => ({ open: message.startsWith("0") }),
  join: (memory) => `40${memory === undefined ? "" : JSON.stringify(memory)}`,
  kept(message) {
    if (message.startsWith("40")) return { pid: (JSON.parse(message.slice(2)) as { pid: string }).pid };
    return message.startsWith("42") ? { offset: (JSON.parse(message.slice(2)) as string[]).at(-1) ?? "" } : undefined;
  },
  isComplete: (message, { pid }) => (message.startsWith("40") ? message.includes(`"pid":"${pid}"`) : undefined),
};

export const resumeDialects: Readonly<Partial<Record<Protocol, ResumeDialect>>> = { topic: v1, "socket.io-room": socketio };
