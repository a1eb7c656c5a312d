// The client of a row with clients, in a process of its own: its CPU does not count.
import { note, serve, settingsOfChild } from "@upwire-apps/faults/child";
import { WebSocket } from "ws";
import type { ListenerSettings, NodeApi, NodeNote } from "./api.ts";
import type { ClientDialect } from "./row.ts";
import { TOPIC } from "./row.ts";
import { Tally } from "./tally.ts";
import { nowUs } from "./text.ts";

const { port, dialect, inFlight } = settingsOfChild() as ListenerSettings;

/** How a client opens: the path, the subprotocols, and what it says to what. It is in when `isIn` says so of a message. */
interface Opening {
  readonly path: string;
  readonly protocols: readonly string[];
  readonly answer: (text: string) => string | undefined;
  readonly isIn: (text: string) => boolean;
}

const openings: Readonly<Record<ClientDialect, Opening>> = {
  plain: { path: "/", protocols: [], answer: () => undefined, isIn: () => false },
  v1: {
    path: "/",
    protocols: ["upwire.v1"],
    answer: (text) => (text.includes("upwire.hello") ? JSON.stringify({ type: "upwire.subscribe", id: 1, topic: TOPIC }) : undefined),
    isIn: (text) => text.startsWith('{"re":1'),
  },
  "socket.io": {
    path: "/socket.io/?EIO=4&transport=websocket",
    protocols: [],
    // Open, and ping.
    answer: (text) => (text.startsWith("0") ? "40" : text === "2" ? "3" : undefined),
    isIn: (text) => text.startsWith("40"),
  },
};

const tally = new Tally(inFlight / 2, (received) => note({ received } satisfies NodeNote));
const { path, protocols, answer, isIn } = openings[dialect];
const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, [...protocols], { perMessageDeflate: false });
await new Promise<void>((resolve, reject) => {
  socket.on("error", reject);
  if (dialect === "plain") socket.on("open", resolve);
  socket.on("message", (data: Buffer) => {
    const text = data.toString("latin1");
    const said = answer(text);
    if (said !== undefined) socket.send(said);
    if (isIn(text)) resolve();
    tally.take(text);
  });
});

const api: Pick<NodeApi, "clear" | "snapshot"> = {
  clear: () => tally.clear(),
  snapshot: () => ({ ...tally.count, sent: 0, atUs: nowUs() }),
};
serve(api);
