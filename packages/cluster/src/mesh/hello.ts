import { isNodeName } from "../broker/node-name.ts";
import { frames } from "./frames.ts";
import { FRAME_HEAD } from "./batch-writer.ts";

const MAGIC = "upwire-mesh";
/** What this code speaks, and the oldest version that it understands: two nodes speak the lower of their versions. */
const VERSION = 1;
const OLDEST = 1;
/** A handshake that says it is longer is not ours. Bytes. */
export const MAX_HELLO_BYTES: number = 16 * 1024;

/** The first that each side of a link says. */
export interface Hello {
  /** Nodes of applications with other names leave each other alone. */
  readonly app: string;
  readonly node: string;
  /** Its place in the order of the nodes: the lowest is the home. Microseconds of the machine's clock, about when it started. */
  readonly rank: number;
  /** The node that handed its place over to this one. */
  readonly heirOf?: string;
  /** The number of the last batch that came from the one who reads this; `null` when nothing is known of it. */
  readonly received: number | null;
  /** How many nodes it takes for alive, itself included. */
  readonly size: number;
  /** The reader was taken for dead, with this rank: it must take a higher one, unless it has taken this node for dead as well and is with more nodes. */
  readonly dead?: number;
  /** In a welcome: by it the second connection is known. */
  readonly token?: number;
}

/** What the second connection says. */
export interface Back {
  readonly node: string;
  readonly token: number;
}

/** Why a handshake was refused. `busy`: the two have another connection. `app`, `version`: they have nothing to say to each other. `rank`: see `Hello.dead`. */
export interface Refused {
  readonly reason: "busy" | "app" | "version" | "rank" | "closing";
  readonly dead?: number;
}

/** After the handshake: where the batches go on. */
export interface Begin {
  /** What was on its way is lost, and told anew. */
  readonly restart: boolean;
  /** The number of the next batch. */
  readonly next: number;
}

export function helloFrame(kind: "hello" | "welcome", hello: Hello): Buffer {
  return jsonFrame(frames[kind], { magic: MAGIC, version: VERSION, oldest: OLDEST, ...hello });
}

export function backFrame(back: Back): Buffer {
  return jsonFrame(frames.back, { magic: MAGIC, ...back });
}

export function refusedFrame(refused: Refused): Buffer {
  return jsonFrame(frames.refused, { magic: MAGIC, ...refused });
}

export function beginFrame(begin: Begin): Buffer {
  return jsonFrame(frames.begin, begin);
}

export function ackFrame(number: number): Buffer {
  return jsonFrame(frames.ack, number);
}

/** @returns "foreign" for what no node of a mesh says; "version" when the other one speaks only versions unknown here. */
export function readHello(frame: Buffer): Hello | "foreign" | "version" {
  const { magic, version, oldest, app, node, rank, heirOf, received, size, dead, token } = objectIn(frame);
  if (magic !== MAGIC || !isNumber(version) || !isNumber(oldest)) return "foreign";
  if (oldest > VERSION || version < OLDEST) return "version";
  if (typeof app !== "string" || typeof node !== "string" || !isNodeName(node) || !isNumber(rank) || !isNumber(size)) return "foreign";
  if (received !== null && !isNumber(received)) return "foreign";
  const known = { app, node, rank, received, size };
  return { ...known, ...(typeof heirOf === "string" && { heirOf }), ...(isNumber(dead) && { dead }), ...(isNumber(token) && { token }) };
}

export function readBack(frame: Buffer): Back | undefined {
  const { magic, node, token } = objectIn(frame);
  return magic === MAGIC && typeof node === "string" && isNumber(token) ? { node, token } : undefined;
}

export function readRefused(frame: Buffer): Refused | undefined {
  const { magic, reason, dead } = objectIn(frame);
  return magic === MAGIC && typeof reason === "string" ? { reason: reason as Refused["reason"], ...(isNumber(dead) && { dead }) } : undefined;
}

export function readBegin(frame: Buffer): Begin | undefined {
  const { restart, next } = objectIn(frame);
  return typeof restart === "boolean" && isNumber(next) ? { restart, next } : undefined;
}

export function readAck(frame: Buffer): number | undefined {
  const number = jsonIn(frame);
  return isNumber(number) ? number : undefined;
}

function jsonFrame(kind: number, value: unknown): Buffer {
  const content = Buffer.from(JSON.stringify(value));
  const frame = Buffer.allocUnsafe(FRAME_HEAD + content.length);
  frame.writeUInt32BE(frame.length - 4, 0);
  frame[4] = kind;
  content.copy(frame, FRAME_HEAD);
  return frame;
}

function objectIn(frame: Buffer): Readonly<Record<string, unknown>> {
  const value = jsonIn(frame);
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function jsonIn(frame: Buffer): unknown {
  try {
    return JSON.parse(frame.toString("utf8", FRAME_HEAD));
  } catch {
    return undefined;
  }
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
