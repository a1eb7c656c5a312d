import { createClient } from "@upwire/client";
import { WebSocket } from "ws";
import { nowMs } from "../now.ts";
import { EVENT, LIVE, LOG, topics, type Said } from "../traffic.ts";
import type { Notebook, Visitor } from "./visitor.ts";

export interface VisitorSetup {
  readonly id: string;
  readonly notebook: Notebook;
  readonly nextPort: () => number;
  readonly report: (error: unknown) => void;
}

/** A client of @upwire/client: what an application hears of it. */
export function upwireVisitor({ id, notebook, nextPort, report }: VisitorSetup): Visitor {
  let subscribed = 0;
  const client = createClient(() => `ws://127.0.0.1:${nextPort()}/`, { WebSocket, onError: report });
  client.onStatus(({ state }) => {
    if (state !== "open") subscribed = 0;
  });
  for (const { kind, name, topic } of topics) {
    notebook.begin(id, topic);
    const handle = kind === "log" ? client.topic(LOG, { name }) : client.topic(LIVE, { name });
    handle.onSubscribed(() => subscribed++);
    handle.onGap(({ reason, missed }) => notebook.write(id, topic, { kind: "gap", at: nowMs(), reason, ...(missed !== undefined && { missed }) }));
    handle.on(EVENT, (payload) => notebook.write(id, topic, { kind: "message", at: nowMs(), ...(payload as Said), ...handle.position }));
  }
  return {
    id,
    get subscribed() {
      return subscribed;
    },
    close: () => client.close(),
  };
}
