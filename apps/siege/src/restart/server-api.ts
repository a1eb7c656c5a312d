import type { Testimony } from "./witness.ts";

/** A topic whose messages are all there is. */
export const ROOM = "room:{number}";
/** A topic that also has a state: the number of its newest message. */
export const BOARD = "board:{number}";

export interface RestartServerSettings {
  readonly variant: string;
  /** 0: a free one. */
  readonly port: number;
  /** What the process before this one has left there is gone on with. */
  readonly keptPath: string;
  readonly clients: number;
  /** Of each kind. */
  readonly topics: number;
  /** Between two messages of one topic. */
  readonly everyMs: number;
}

/** The newest message of each topic: rooms, then boards. */
export interface Finals {
  readonly life: string;
  readonly numbers: readonly number[];
}

/** What the process of the server is asked for. */
export type RestartServerApi = {
  port(): number;
  connections(): number;
  /** Begins to publish in all topics. */
  publish(): void;
  /** Ends that. */
  hush(): Finals;
  /** Shuts down gently, publishing to the end, and keeps what the next process goes on with. */
  leave(plan: { readonly spreadMs: number; readonly retryAfterMs: number }): Promise<void>;
};

export interface CrowdSettings {
  readonly port: number;
  readonly clients: number;
  readonly topics: number;
  /** Between a publication of a client and its next one. */
  readonly everyMs: number;
}

/** What all clients together were told; the fields of a testimony are sums. */
export interface CrowdReport {
  readonly open: number;
  /** Subscriptions, by kind. */
  readonly rooms: Testimony;
  readonly boards: Testimony;
  /** What one client of each room publishes there, with a key: as all clients of the room got it. */
  readonly said: Testimony;
  /** Publishes of clients that were rejected. */
  readonly refused: number;
  /** Clients that do not have the newest message of each of their topics. */
  readonly behind: number;
  /** What clients reported to `onError`, and what went past them. */
  readonly errors: readonly string[];
  /** When each client was open again, by the clock of `nowMicroseconds`. */
  readonly openedAt: readonly number[];
}

/** What the process of the clients is asked for. */
export type CrowdApi = {
  /** How many clients have both of their subscriptions on this connection. */
  subscribed(): number;
  /** Counts returns from now on. */
  watch(): void;
  /** One client of each room begins to publish in it. */
  publish(): void;
  /** Ends that. Settles when the last publish is answered. */
  hush(): Promise<void>;
  report(finals: Finals): CrowdReport;
};
