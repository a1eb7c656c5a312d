/** How a client of a row speaks; `#` and a number are somewhere in what it gets. */
export type ClientDialect = "plain" | "v1" | "socket.io";

export interface CrossSetup {
  readonly role: "publisher" | "subscriber";
  /** Of a Redis server that is there for this measurement alone. */
  readonly url: string;
  /** An empty folder that both processes share. */
  readonly folder: string;
  /** What the publisher publishes in; the subscriber has members in `TOPIC` only. */
  readonly topic: string;
}

/** One of two processes: the one publishes, the other one gets it, for itself or for a client. */
export interface CrossNode {
  /** In the publisher: to the subscriber. What it returns may be a promise. */
  publish(text: string): unknown;
  /** Closes what it has open. */
  stop?(): unknown;
  /** In the subscriber of a row with clients: where they connect. */
  readonly port?: number;
}

export interface CrossRow {
  readonly label: string;
  readonly kind: "upwire" | "control" | "rival";
  /** A client in a third process gets the messages, whose CPU is not counted. Without it the subscriber itself does. */
  readonly clients?: ClientDialect;
  /** What carries them. */
  readonly through: "redis" | "mesh" | "ipc";
  /** @param onText Called in the subscriber of a row without clients, with whatever holds one message or several. */
  start(setup: CrossSetup, onText: (text: string) => void): Promise<CrossNode>;
}

/** The topic, channel or room of every row. */
export const TOPIC = "room:tea";
export const EVENT = "said";

export function nothing(): never {
  throw new Error("this process does not publish");
}
