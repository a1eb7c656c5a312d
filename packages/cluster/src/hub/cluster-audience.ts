import { defaults, type Audience } from "@upwire/core";
import { kinds, readOptions, wholeNumber, type Broadcastable, type OptionKinds } from "@upwire/core/adapter";
import { MAX_KEEP_MS } from "../broker/checks.ts";
import type { Casts } from "../casts/casts.ts";
import type { Asked, AskOptions, Reach } from "../casts/types.ts";
import { checkClose } from "./close.ts";
import type { LocalHub } from "./local-hub.ts";
import { payloadOf } from "./payload.ts";
import { readListed, type Question } from "./questions.ts";
import { toReach } from "./reach.ts";
import type { ClusterAudience, ClusterBroadcastOptions, ClusterCloseOptions, ClusterList, ClusterListOptions, ClusterSize } from "./types.ts";

const KEEP_MS = 60_000;
const LIST_LIMIT = 1000;
const MAX_LIST_LIMIT = 10_000;

const { anything } = kinds;
// What each may be, the hub of this node looks at.
const broadcastKinds: OptionKinds<ClusterBroadcastOptions> = { except: anything, key: anything, missed: anything, mustArrive: anything };
const closeKinds: OptionKinds<ClusterCloseOptions> = { keepMs: wholeNumber(0, MAX_KEEP_MS) };
const listKinds: OptionKinds<ClusterListOptions> = { limit: wholeNumber(0, MAX_LIST_LIMIT) };

interface Setup<Context> {
  readonly casts: Casts;
  readonly local: LocalHub<Context>;
  readonly audience: Audience<Context>;
  /** What the casts call it. */
  readonly address: string;
}

/** The members of one part of the hub on all nodes. */
export class AudienceOfAll<Context> implements ClusterAudience<Context> {
  readonly #casts: Casts;
  readonly #local: LocalHub<Context>;
  readonly #audience: Audience<Context>;
  readonly #address: string;

  constructor({ casts, local, audience, address }: Setup<Context>) {
    this.#casts = casts;
    this.#local = local;
    this.#audience = audience;
    this.#address = address;
  }

  broadcast(data: Broadcastable, given?: ClusterBroadcastOptions<Context>): Promise<Reach> {
    // Not async: each message would pay for it.
    try {
      // Text without options is always allowed: without members here nothing needs to be framed.
      if (typeof data === "string" && given === undefined && this.#audience.size === 0) return this.#casts.cast(this.#address, data);
      const options = given === undefined ? undefined : readOptions<ClusterBroadcastOptions<Context>>("broadcast", given, broadcastKinds);
      const { local, wire } = payloadOf(data);
      const reached = this.#audience.broadcast(local, options);
      const reach = this.#casts.cast(this.#address, wire, options);
      return reached === 0 ? reach : reach.then((others) => ({ ...others, reached: others.reached + reached }));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async close(code: number = defaults.close.code, reason: string = defaults.close.reason, options?: ClusterCloseOptions): Promise<Reach> {
    checkClose(code, reason);
    const { keepMs = KEEP_MS } = readOptions<ClusterCloseOptions>("close", options, closeKinds);
    const closed = this.#local.close(this.#address, code, reason);
    return toReach(closed, await this.#ask({ ask: "close", of: this.#address, code, reason }, { keepMs }));
  }

  async size(): Promise<ClusterSize> {
    const { reached, missing } = toReach(0, await this.#ask({ ask: "size", of: this.#address }));
    return { size: this.#audience.size + reached, missing };
  }

  async list(options?: ClusterListOptions): Promise<ClusterList> {
    const { limit = LIST_LIMIT } = readOptions<ClusterListOptions>("list", options, listKinds);
    const { answers, missing } = await this.#ask({ ask: "list", of: this.#address, limit });
    let { size, connections } = this.#local.list(this.#address, limit);
    const silent = [...missing];
    for (const [node, answer] of answers) {
      const listed = readListed(answer, node);
      if (listed === undefined) {
        silent.push(node);
        continue;
      }
      size += listed.size;
      connections = [...connections, ...listed.connections.slice(0, limit - connections.length)];
    }
    return { size, connections, missing: silent };
  }

  /** Asks all other nodes. */
  #ask(question: Question, options?: AskOptions): Promise<Asked> {
    return this.#casts.ask(undefined, question, options);
  }
}
