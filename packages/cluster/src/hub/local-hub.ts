import type { Audience, Hub } from "@upwire/core";
import type { HubPart } from "@upwire/core/adapter";
import type { BrokerData } from "../broker/broker.ts";
import type { CastOptions } from "../casts/types.ts";
import { addressOf, audienceOf, memberOf } from "./parts.ts";
import { fromWireData, readQuestion, type Listed, type Question } from "./questions.ts";
import type { ClusterMember } from "./types.ts";

/** A list is not made longer than about this: a node can tell 1 MB at once. UTF-16 code units of JSON; a third of it in bytes. */
const MAX_LIST_LENGTH = 300_000;

interface LocalSetup<Context> {
  readonly hub: Hub<Context>;
  readonly node: string;
  readonly report: (error: unknown) => void;
}

/** What this node does with its own connections, for itself and for other nodes. */
export class LocalHub<Context> {
  readonly hub: Hub<Context>;
  readonly #node: string;
  readonly #report: (error: unknown) => void;
  /** The parts that have members, so that a cast makes nothing. */
  readonly #audiences = new Map<string, Audience<Context>>();

  constructor({ hub, node, report }: LocalSetup<Context>) {
    this.hub = hub;
    this.#node = node;
    this.#report = report;
  }

  /** The part has members now. */
  add(part: HubPart, name: string): void {
    const address = addressOf(part, name);
    const audience = audienceOf(this.hub, address);
    if (audience !== undefined) this.#audiences.set(address, audience);
  }

  delete(part: HubPart, name: string): void {
    this.#audiences.delete(addressOf(part, name));
  }

  /** A cast of another node. @returns how many queues took it. */
  deliver(address: string, data: BrokerData, options: CastOptions | undefined): number {
    return this.#audiences.get(address)?.broadcast(data, options) ?? 0;
  }

  /** Closes the members of an address. @returns how many. */
  close(address: string, code: number, reason: string): number {
    const audience = audienceOf(this.hub, address);
    const size = audience?.size ?? 0;
    if (size > 0) audience?.close({ code, reason }).catch(this.#report);
    return size;
  }

  size(address: string): number {
    return audienceOf(this.hub, address)?.size ?? 0;
  }

  list(address: string, limit: number): Listed {
    const connections: ClusterMember[] = [];
    let length = 0;
    for (const connection of audienceOf(this.hub, address) ?? []) {
      const member = memberOf(this.hub, this.#node, connection);
      length += JSON.stringify(member).length;
      if (connections.length >= limit || length > MAX_LIST_LENGTH) break;
      connections.push(member);
    }
    return { size: this.size(address), connections };
  }

  get(id: string): ClusterMember | undefined {
    const connection = this.hub.get(id);
    return connection && memberOf(this.hub, this.#node, connection);
  }

  /** @returns how many queues took it. */
  send(id: string, data: BrokerData, options: CastOptions): number {
    return this.hub.get(id)?.send(data, options) === true ? 1 : 0;
  }

  /** @returns how many were open. */
  end(id: string, code: number, reason: string): number {
    const connection = this.hub.get(id);
    if (connection?.isOpen !== true) return 0;
    connection.close(code, reason);
    return 1;
  }

  /** The answer to another node; `undefined` for a question that this version does not know. */
  answer(value: unknown): unknown {
    const question = readQuestion(value);
    return question && this.#answer(question);
  }

  #answer(question: Question): unknown {
    switch (question.ask) {
      case "size":
        return this.size(question.of);
      case "list":
        return this.list(question.of, question.limit);
      case "close":
        return this.close(question.of, question.code, question.reason);
      case "get":
        return this.get(question.id) ?? null;
      case "send":
        return this.send(question.id, fromWireData(question.data), { key: question.key, mustArrive: question.mustArrive });
      default:
        return this.end(question.id, question.code, question.reason);
    }
  }
}
