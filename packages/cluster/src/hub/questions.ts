import { isClose } from "./close.ts";
import type { BrokerData } from "../broker/broker.ts";
import type { ClusterMember } from "./types.ts";

/** What nodes ask each other, as JSON. A node answers a question that it does not know with nothing, and is named as missing. */
export type Question =
  /** How many members has the address? A number. */
  | { readonly ask: "size"; readonly of: string }
  /** Which are they? A `Listed`. */
  | { readonly ask: "list"; readonly of: string; readonly limit: number }
  /** Closes them. How many. */
  | { readonly ask: "close"; readonly of: string; readonly code: number; readonly reason: string }
  /** The connection with that id? A `ClusterMember`, or `null`. */
  | { readonly ask: "get"; readonly id: string }
  /** Sends to it. How many queues took it. */
  | { readonly ask: "send"; readonly id: string; readonly data: WireData; readonly key?: string | undefined; readonly mustArrive?: boolean | undefined }
  /** Closes it. How many were open. */
  | { readonly ask: "end"; readonly id: string; readonly code: number; readonly reason: string };

/** Text, or bytes in base64. */
type WireData = { readonly text: string } | { readonly base64: string };

/** Some members of an address on one node, and how many it has there. */
export interface Listed {
  readonly size: number;
  readonly connections: readonly ClusterMember[];
}

export function toWireData(data: BrokerData): WireData {
  return typeof data === "string" ? { text: data } : { base64: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64") };
}

export function fromWireData(data: WireData): BrokerData {
  return "text" in data ? data.text : Buffer.from(data.base64, "base64");
}

/** @returns `undefined` for what this version does not ask. */
export function readQuestion(value: unknown): Question | undefined {
  const question = recordOf(value);
  if (question === undefined) return undefined;
  const { ask, of, id, limit, code, reason } = question;
  const isOfAddress = typeof of === "string";
  const isOfOne = typeof id === "string";
  const closes = isClose(code, reason);
  const isRight =
    (ask === "size" && isOfAddress) ||
    (ask === "list" && isOfAddress && isCount(limit)) ||
    (ask === "close" && isOfAddress && closes) ||
    (ask === "get" && isOfOne) ||
    (ask === "send" && isOfOne && isWireData(question["data"]) && isOptionalText(question["key"]) && isOptionalFlag(question["mustArrive"])) ||
    (ask === "end" && isOfOne && closes);
  return isRight ? (value as Question) : undefined;
}

/** The sum of the answers that are counts, and the nodes whose answer is none. */
export function addCounts(answers: ReadonlyMap<string, unknown>): { readonly sum: number; readonly wrong: readonly string[] } {
  let sum = 0;
  const wrong: string[] = [];
  for (const [node, answer] of answers) {
    if (isCount(answer)) sum += answer;
    else wrong.push(node);
  }
  return { sum, wrong };
}

export function readListed(value: unknown, node: string): Listed | undefined {
  const { size, connections } = recordOf(value) ?? {};
  if (!isCount(size) || !Array.isArray(connections)) return undefined;
  const members = connections.map((member) => readMember(member, node));
  return members.includes(undefined) ? undefined : { size, connections: members as ClusterMember[] };
}

/** @param node The one that tells it: no other is believed. */
export function readMember(value: unknown, node: string): ClusterMember | undefined {
  const { id, userId, rooms, remoteAddress } = recordOf(value) ?? {};
  if (typeof id !== "string" || typeof remoteAddress !== "string" || !isOptionalText(userId)) return undefined;
  if (!Array.isArray(rooms) || !rooms.every((room) => typeof room === "string")) return undefined;
  return { id, node, userId, rooms, remoteAddress };
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isOptionalText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === "string";
}

function isOptionalFlag(value: unknown): boolean {
  return value === undefined || typeof value === "boolean";
}

function isWireData(value: unknown): boolean {
  const { text, base64 } = recordOf(value) ?? {};
  return typeof text === "string" || typeof base64 === "string";
}
