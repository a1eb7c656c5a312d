import type { Server } from "node:http";

/** What a server has to do in one cell. Every mode is served under `/ws`. */
export interface Load {
  /**
   * - `broadcast`: what one client sends goes to everybody, the sender included.
   * - `rooms`: the same within the room that the client named, `/ws?room=7`.
   * - `echo`: what a client sends comes back to it.
   * - `idle`: everything that a chat needs is on, and nobody talks.
   * - `topic`: what a sender says goes to the members of one topic or room, who only listen.
   */
  readonly mode: "broadcast" | "rooms" | "echo" | "idle" | "topic";
  /** How many messages a topic keeps for members that come back; what the row has as its default unless given. */
  readonly history?: number;
  /** permessage-deflate for every message, however short. */
  readonly deflate: boolean;
}

/** One server of the benchmark. It runs in a process of its own, so it never has to stop. */
export interface Row {
  /** Listens on a free port of 127.0.0.1. */
  start(load: Load): Promise<number>;
  /** Publishes messages with these texts in the topic, in this order. Settles when a member that comes back would get them. */
  publish?(texts: readonly string[]): Promise<void>;
}

/** Waits until `server` listens. @returns its port. */
export function listen(server: Pick<Server, "listen" | "once" | "address">): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => resolve(portOf(server)));
  });
}

export function portOf(server: Pick<Server, "address">): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server does not listen on a port");
  return address.port;
}

/** The room in the address of an upgrade request. */
export function roomOf(url = ""): string {
  return new URL(url, "http://127.0.0.1").searchParams.get("room") ?? "";
}
