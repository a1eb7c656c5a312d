import { WebSocket } from "ws";
import { nowMs } from "../now.ts";
import { EVENT, topics, type Said } from "../traffic.ts";
import type { VisitorSetup } from "./upwire-visitor.ts";
import type { Visitor } from "./visitor.ts";

const AGAIN_MS = 100;

interface Position {
  readonly epoch: string;
  readonly offset: number;
}

interface Frame {
  readonly type?: string;
  readonly re?: number;
  readonly topic?: string;
  readonly offset?: number;
  readonly payload?: unknown;
  readonly error?: unknown;
}

/** What a subscribe is answered with, and what a gap says. */
interface Told {
  readonly epoch?: string;
  readonly offset?: number;
  readonly after?: number;
  readonly resumed?: boolean;
  readonly reason?: string;
}

/**
 * Speaks `upwire.v1` by hand on a bare WebSocket. It writes down every publication frame that comes, where @upwire/client drops
 * what it has had: a frame that this one hears twice was sent twice.
 */
export function plainVisitor({ id, notebook, nextPort, report }: VisitorSetup): Visitor {
  const positions = new Map<string, Position | undefined>();
  /** Topics that were subscribed before: the next subscription has something to go on from. */
  const known = new Set<string>();
  let subscribed = 0;
  let isClosed = false;
  let socket: WebSocket;

  function connect(): void {
    socket = new WebSocket(`ws://127.0.0.1:${nextPort()}/`, ["upwire.v1"]);
    socket.on("message", (data: Buffer) => receive(JSON.parse(data.toString()) as Frame));
    socket.on("error", () => {});
    socket.on("close", () => {
      subscribed = 0;
      if (!isClosed) setTimeout(connect, AGAIN_MS);
    });
  }

  function subscribe(): void {
    for (const [index, { topic }] of topics.entries()) {
      socket.send(JSON.stringify({ type: "upwire.subscribe", id: index + 1, topic, since: positions.get(topic) }));
    }
  }

  function receive({ type, re, topic, offset, payload, error }: Frame): void {
    if (error !== undefined) report(new Error(`${id} was refused: ${JSON.stringify(error)}`));
    else if (type === "upwire.hello") subscribe();
    else if (re !== undefined) answered(topics[re - 1]?.topic ?? "", payload as Told);
    else if (topic !== undefined && type === "upwire.gap") missed(topic, payload as Told);
    else if (topic !== undefined && type === EVENT) heard(topic, offset, payload as Said);
  }

  function answered(topic: string, { epoch, after = 0, resumed }: Told): void {
    subscribed++;
    if (known.has(topic) && resumed !== true) gap(topic, "not resumed", { epoch, offset: after });
    known.add(topic);
    positions.set(topic, epoch === undefined ? undefined : { epoch, offset: after });
  }

  function missed(topic: string, { epoch, offset = 0, reason = "lost" }: Told): void {
    gap(topic, reason, { epoch, offset });
    positions.set(topic, epoch === undefined ? undefined : { epoch, offset });
  }

  function gap(topic: string, reason: string, { epoch, offset }: { readonly epoch: string | undefined; readonly offset: number }): void {
    const before = positions.get(topic);
    const count = before !== undefined && before.epoch === epoch ? { missed: offset - before.offset } : {};
    notebook.write(id, topic, { kind: "gap", at: nowMs(), reason, ...count });
  }

  function heard(topic: string, offset: number | undefined, said: Said): void {
    const before = positions.get(topic);
    const position = offset === undefined || before === undefined ? undefined : { ...before, offset };
    if (position !== undefined) positions.set(topic, position);
    notebook.write(id, topic, { kind: "message", at: nowMs(), ...said, ...position });
  }

  for (const { topic } of topics) notebook.begin(id, topic);
  connect();
  return {
    id,
    get subscribed() {
      return subscribed;
    },
    close() {
      isClosed = true;
      socket.terminate();
    },
  };
}
