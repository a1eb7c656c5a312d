import type { WireError } from "./errors.ts";

/** What a client may count on and must keep to on this connection. Every member may be absent: then nothing is told. */
export interface HelloLimits {
  /** The longest message that the server takes. Bytes. */
  readonly messageBytes?: number;
  /** Requests, publishes, subscribes and unsubscribes in flight. */
  readonly requests?: number;
  /** Subscriptions. */
  readonly topics?: number;
  /** The most publications that a resume brings; over it, `resumed` is false. */
  readonly replayMessages?: number;
  readonly replayBytes?: number;
  /** How long the server takes for an answer at most. */
  readonly requestTimeoutMs?: number;
  /** How long a `key` is known after its first use. */
  readonly retryWindowMs?: number;
}

/** The first message of each connection. */
export interface Hello {
  readonly type: "upwire.hello";
  readonly payload: {
    readonly connectionId: string;
    /** A client that got no message for so long sends `upwire.ping`. */
    readonly pingIntervalMs: number;
    /** Over how long clients spread their attempts to reconnect. */
    readonly spreadMs: number;
    readonly limits: HelloLimits;
    /** How long the credentials are good for, where the server knows. */
    readonly expiresInMs?: number;
  };
}

/** The answer to what had an `id`. Without `payload` and `error`: done. */
export interface Reply {
  readonly re: number;
  readonly payload?: unknown;
  readonly error?: WireError;
}

/** The payload of the reply to a subscribe, and of `upwire.subscribed`. */
export interface SubscribedPayload {
  /** Epoch, top and the client's position from now on; absent for a topic without history. */
  readonly epoch?: string;
  readonly offset?: number;
  readonly after?: number;
  /** Everything since the position that the client gave follows. */
  readonly resumed: boolean;
  readonly state?: unknown;
}

/** The reply to `upwire.subscribe`. */
export interface SubscribeReply extends Reply {
  readonly payload: SubscribedPayload;
}

/** The server put this connection into a topic. */
export interface Subscribed {
  readonly type: "upwire.subscribed";
  readonly topic: string;
  readonly payload: SubscribedPayload;
}

/** The server took this connection out of a topic. */
export interface Unsubscribed {
  readonly type: "upwire.unsubscribed";
  readonly topic: string;
  readonly error?: WireError;
}

/** An event of the application. */
export interface ServerEvent {
  readonly type: string;
  readonly payload?: unknown;
}

/** A message of a topic; without `offset` where the topic has no history. */
export interface Publication {
  readonly topic: string;
  readonly offset?: number;
  readonly type: string;
  readonly payload?: unknown;
}

/** Why publications of a topic do not come: the client was slow, the server lost them, or the history began anew. */
export type GapReason = "slow" | "lost" | "restarted";

/** Everything up to `after` has come; what follows up to `offset` will not. Only `reason` where the topic has no history. */
export interface Gap {
  readonly type: "upwire.gap";
  readonly topic: string;
  readonly payload: {
    readonly after?: number;
    readonly epoch?: string;
    readonly offset?: number;
    readonly reason: GapReason;
    readonly state?: unknown;
  };
}

/** The server is about to close; come back after that time. */
export interface Reconnect {
  readonly type: "upwire.reconnect";
  readonly payload: { readonly afterMs: number };
}

/** What was wrong with a message that had no usable `id`. */
export interface ErrorFrame {
  readonly type: "upwire.error";
  readonly payload: { readonly code: string; readonly message: string };
}

/** Every message of a server. */
export type ServerFrame = Hello | Reply | ServerEvent | Publication | Gap | Subscribed | Unsubscribed | Reconnect | ErrorFrame;
