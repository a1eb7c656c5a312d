import { CloseCode } from "@upwire/core";
import { kinds, readOptions, type Broadcastable, type OptionKinds } from "@upwire/core/adapter";
import type { Casts } from "../casts/casts.ts";
import type { CastOptions, Reach } from "../casts/types.ts";
import { checkClose } from "./close.ts";
import type { LocalHub } from "./local-hub.ts";
import { payloadOf } from "./payload.ts";
import { toWireData, type Question } from "./questions.ts";
import { toReach } from "./reach.ts";
import type { ClusterConnection, ClusterMember } from "./types.ts";

const sendKinds: OptionKinds<CastOptions> = { key: kinds.text, mustArrive: kinds.flag };

interface Setup<Context> {
  readonly casts: Casts;
  readonly local: LocalHub<Context>;
  readonly member: ClusterMember;
}

/** A connection that this node has, or another one. */
export class ConnectionOfAny<Context> implements ClusterConnection {
  readonly id: string;
  readonly node: string;
  readonly userId: string | undefined;
  readonly rooms: readonly string[];
  readonly remoteAddress: string;
  readonly #casts: Casts;
  readonly #local: LocalHub<Context>;

  constructor({ casts, local, member }: Setup<Context>) {
    this.id = member.id;
    this.node = member.node;
    this.userId = member.userId;
    this.rooms = member.rooms;
    this.remoteAddress = member.remoteAddress;
    this.#casts = casts;
    this.#local = local;
  }

  async send(data: Broadcastable, given?: CastOptions): Promise<Reach> {
    const { key, mustArrive } = readOptions<CastOptions>("send", given, sendKinds);
    const { wire } = payloadOf(data);
    if (this.#isHere) return here(this.#local.send(this.id, wire, { key, mustArrive }));
    return this.#ask({ ask: "send", id: this.id, data: toWireData(wire), key, mustArrive });
  }

  async close(code: number = CloseCode.normal, reason: string = ""): Promise<Reach> {
    checkClose(code, reason);
    if (this.#isHere) return here(this.#local.end(this.id, code, reason));
    return this.#ask({ ask: "end", id: this.id, code, reason });
  }

  get #isHere(): boolean {
    return this.node === this.#casts.node;
  }

  async #ask(question: Question): Promise<Reach> {
    return toReach(0, await this.#casts.ask(this.node, question));
  }
}

function here(reached: number): Reach {
  return { reached, missing: [], delivery: "cluster" };
}
