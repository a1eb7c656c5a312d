import type { Pace, PublisherNote } from "../traffic.ts";

/** What connects the nodes of a round. */
export type Engine =
  | { readonly kind: "mesh"; readonly folder: string }
  | { readonly kind: "redis"; readonly url: string; readonly client: "ioredis" | "redis" | "url" }
  | { readonly kind: "socketio"; readonly adapter: "redis" | "streams"; readonly url: string };

export interface NodeSettings {
  /** Begins the names of its publishers; no two nodes of a round have the same. */
  readonly name: string;
  readonly engine: Engine;
}

/** The calls that a node takes. */
export type NodeApi = {
  port(): number;
  publish(pace: Pace): void;
  /** Publishes no more. @returns how many publishes are not answered yet. */
  hush(): number;
  /** What the broker counts. */
  stats(): Readonly<Record<string, number>>;
  /** Publishes no more, waits for answers, sends its clients away with 1012, and closes the broker. */
  drain(how: { readonly spreadMs: number; readonly retryAfterMs: number }): Promise<void>;
};

/** What a node says by itself. */
export type NodeNote =
  | PublisherNote
  | { readonly kind: "state"; readonly state: string; readonly at: number }
  /** What would have ended a process that does not listen for it, or what is reported where an application logs. */
  | { readonly kind: "uncaught"; readonly what: string }
  /** It does not start, and ends with 1. */
  | { readonly kind: "refused"; readonly what: string }
  | { readonly kind: "reported"; readonly what: string };

/** One node of any kind, in its own process. */
export interface RunningNode {
  readonly port: number;
  publish(topic: string, said: unknown): Promise<{ readonly offset?: number | undefined; readonly delivery?: "cluster" | "local-only" | undefined }>;
  /** Of the broker, where there is one to ask. */
  state?(): string;
  stats?(): Readonly<Record<string, number>>;
  drain(how: { readonly spreadMs: number; readonly retryAfterMs: number }): Promise<void>;
}
