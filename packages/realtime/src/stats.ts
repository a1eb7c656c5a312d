import type { MessageKind } from "./calls.ts";
import { errorCodes } from "@upwire/protocol";
import type { TopicStats } from "./topics/stats.ts";

/** What a realtime has counted since it was made, and how things stand now. */
export interface RealtimeStats {
  /** Connections now. */
  readonly connections: number;
  /** Those of them that do not speak `upwire.v1`. */
  readonly plainConnections: number;
  /** Users that have connections. */
  readonly users: number;
  /** What came from clients and is not answered yet. */
  readonly inFlight: number;
  /** What became of subscriptions. */
  readonly topics: Readonly<TopicStats>;
  /** Replies that are remembered for a repeated `key`. */
  readonly remembered: number;
  /** What clients have sent, by kind. */
  readonly received: Readonly<Record<MessageKind, number>>;
  /** What clients were told in place of a result, by code; codes of the application together as `application`. */
  readonly errors: Readonly<Record<string, number>>;
}

/** Counts for all connections of a realtime. */
export class Tally {
  inFlight = 0;
  plainConnections = 0;
  readonly #received: Record<MessageKind, number> = { event: 0, request: 0, publish: 0, subscribe: 0, unsubscribe: 0, cancel: 0, ping: 0 };
  readonly #errors: Record<string, number> = {};

  received(kind: MessageKind): void {
    this.#received[kind]++;
  }

  /** Codes of an application may be made anew for each error: they must not fill the memory. */
  failed(code: string): void {
    const name = Object.hasOwn(errorCodes, code) ? code : "application";
    this.#errors[name] = (this.#errors[name] ?? 0) + 1;
  }

  snapshot(): Pick<RealtimeStats, "inFlight" | "plainConnections" | "received" | "errors"> {
    const { inFlight, plainConnections } = this;
    return { inFlight, plainConnections, received: { ...this.#received }, errors: { ...this.#errors } };
  }
}
