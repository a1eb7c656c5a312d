import type { Listener } from "../judge/log.ts";
import type { Pace, PublisherNote } from "../traffic.ts";

export interface VisitorsSettings {
  readonly kind: "upwire" | "socketio";
  /** Of the servers; clients are spread over them. */
  readonly ports: readonly number[];
  /** Clients of each kind for each server. */
  readonly perServer: number;
  /** Clients that publish in the topics with history. */
  readonly speakers: number;
}

/** The highest number of each publisher that was acknowledged, by topic. */
export type Expected = Readonly<Record<string, Readonly<Record<string, number>>>>;

export interface Progress {
  /** Subscriptions that are there now, and that should be. */
  readonly subscribed: number;
  readonly wanted: number;
  /** Listeners that have not heard the last of some publisher. */
  readonly behind: number;
  /** Since anything was heard. Milliseconds. */
  readonly idleMs: number;
  /** Publishes of clients that are not answered. */
  readonly open: number;
}

/** The calls that the process of the clients takes. */
export type VisitorsApi = {
  setPorts(ports: readonly number[]): void;
  publish(pace: Pace): void;
  hush(): void;
  progress(expected: Expected): Progress;
  report(): readonly Listener[];
};

export type VisitorsNote = PublisherNote | { readonly kind: "uncaught" | "reported"; readonly what: string };
