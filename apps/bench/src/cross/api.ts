import type { TallyCount } from "./tally.ts";

/**
 * - `batched`: when half of what is in flight has come, as much is published in one turn.
 * - `single`: one message in each turn.
 * - `paced`: one message each millisecond.
 */
export type Mode = "batched" | "single" | "paced";

export interface NodeSettings {
  readonly row: string;
  readonly role: "publisher" | "subscriber";
  readonly url: string;
  readonly folder: string;
  readonly topic: string;
  /** At most so many are published and not received yet. */
  readonly inFlight: number;
}

export interface ListenerSettings {
  readonly port: number;
  readonly dialect: "plain" | "v1" | "socket.io";
  readonly inFlight: number;
}

export interface Snapshot extends TallyCount {
  /** By this process. */
  readonly sent: number;
  readonly atUs: number;
}

export type NodeApi = {
  /** For clients; 0 without. */
  port(): number;
  publish(mode: Mode): void;
  stop(): void;
  clear(): void;
  snapshot(): Snapshot;
};

/** What node and listener say by themselves: so many have come, or a message for the other worker. */
export type NodeNote = { readonly received: number } | { readonly relay: string };
