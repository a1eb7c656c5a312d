import type { Casts } from "@upwire/cluster/casts";
import { fromWireError, RealtimeError, toWireError, type WireError } from "@upwire/protocol";
import type { Encoded } from "./frames.ts";

/** How a request with a key has ended. */
export type Ended = { readonly reply: Encoded } | { readonly error: RealtimeError };

/** What a node knows of a request with a key, as it tells another one. */
export type KnownReply =
  | { readonly is: "unknown" | "running" }
  | { readonly is: "done"; readonly json?: string; readonly base64?: string }
  | { readonly is: "failed"; readonly error: WireError };

export const UNKNOWN: KnownReply = Object.freeze({ is: "unknown" });
export const RUNNING: KnownReply = Object.freeze({ is: "running" });

/** What one node tells another at once, less than the most of the casts, with what stands around it. Bytes. */
const MAX_TOLD_BYTES = 990_000;
/** A character of a reply takes so many bytes at most, as text in JSON. */
const MOST_BYTES = 6;

/** What is too large to be told has run all the same: the node that asks must not run it again. */
export function knownReply(ended: Ended): KnownReply {
  const known = asKnown(ended);
  const isSmall = "reply" in ended && MOST_BYTES * (ended.reply?.length ?? 0) < MAX_TOLD_BYTES;
  if (isSmall || Buffer.byteLength(JSON.stringify(known)) < MAX_TOLD_BYTES) return known;
  const error = new RealtimeError("internal", "It has run on another node, whose answer is too large to be told from there");
  return { is: "failed", error: toWireError(error) };
}

function asKnown(ended: Ended): KnownReply {
  if ("error" in ended) return { is: "failed", error: toWireError(ended.error) };
  const { reply } = ended;
  if (reply === undefined) return { is: "done" };
  return typeof reply === "string" ? { is: "done", json: reply } : { is: "done", base64: Buffer.from(reply).toString("base64") };
}

/** What stands in a frame as it is, must not break it. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** @returns `undefined` for what is no end, and for what another version says. */
function endedOf(answer: unknown): Ended | undefined {
  const known = (answer ?? {}) as KnownReply;
  if (known.is === "failed") return { error: fromWireError(known.error) };
  if (known.is !== "done") return undefined;
  const { json, base64 } = known;
  if (typeof json === "string" && !isJson(json)) return undefined;
  return { reply: typeof base64 === "string" ? Buffer.from(base64, "base64") : typeof json === "string" ? json : undefined };
}

const isRunning = (answer: unknown): boolean => (answer as Partial<KnownReply> | null)?.is === "running";

/**
 * Asks the other nodes for the reply to a request with a key: a client repeats it on whatever node it comes back to. Of two nodes
 * that get the same key in the same moment, and ask each other, the one whose name comes first goes on. A node that does not
 * answer within a second is not waited for.
 */
export class RepliesElsewhere {
  readonly #casts: Casts;
  readonly #timeoutMs: number;

  /** @param timeoutMs How long a request that runs elsewhere is waited for. */
  constructor(casts: Casts, timeoutMs: number) {
    this.#casts = casts;
    this.#timeoutMs = timeoutMs;
  }

  /** Whether a node that asks goes on before this one. */
  goesFirst(node: string): boolean {
    return node < this.#casts.node;
  }

  /** @returns `undefined` where there is no other node to ask; fulfils with it when none knows the key. Never rejects. */
  find(name: string): Promise<Ended | undefined> | undefined {
    return this.#casts.others.length === 0 ? undefined : this.#find(name);
  }

  async #find(name: string): Promise<Ended | undefined> {
    const until = (answer: unknown): boolean => isRunning(answer) || endedOf(answer) !== undefined;
    const { answers } = await this.#casts.ask(undefined, { do: "findReply", name }, { until });
    for (const [node, answer] of answers) {
      if (!isRunning(answer)) {
        const ended = endedOf(answer);
        if (ended !== undefined) return ended;
        continue;
      }
      const awaited = await this.#casts.ask(node, { do: "awaitReply", name }, { timeoutMs: this.#timeoutMs });
      const ended = endedOf(awaited.answers.get(node));
      if (ended !== undefined) return ended;
    }
    return undefined;
  }
}
