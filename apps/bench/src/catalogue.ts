import type { Row } from "./rows/row.ts";

/** How the load driver has to speak to a row. */
export type Protocol = "websocket" | "socket.io" | "glued" | "frames" | "greeted" | "topic" | "topic-own" | "topic-by-clients" | "socket.io-room";

export interface CatalogueEntry {
  readonly label: string;
  readonly kind: "upwire" | "control" | "rival";
  readonly protocol: Protocol;
  /** Loads the server module, in the server process only; a row in Go has `program` instead. */
  readonly load?: () => Promise<{ readonly row: Row }>;
  /** It is of use in the cells of topics alone. */
  readonly ofTopics?: boolean;
  /** It opens connections, and nothing comes of them: the least that the same framework with a library can take. */
  readonly onlyOpens?: boolean;
  /** Arguments of the Go program. */
  readonly goArguments?: readonly string[];
}

type Framework = keyof typeof import("./rows/answer-101.ts").alone;
type Load = NonNullable<CatalogueEntry["load"]>;
const upwire = (label: string, load: Load): CatalogueEntry => ({ label, kind: "upwire", protocol: "websocket", load });
const control = (label: string, load: Load): CatalogueEntry => ({ label, kind: "control", protocol: "websocket", load });
const rival = (label: string, load: Load): CatalogueEntry => ({ label, kind: "rival", protocol: "websocket", load });

const alone = (label: string, framework: Framework): CatalogueEntry => ({
  ...control(`${label} alone, 101`, async () => ({ row: await (await import("./rows/answer-101.ts")).alone[framework]() })),
  onlyOpens: true,
});

/** A row for the cells of topics, with the way its clients speak. */
const ofTopics = (kind: CatalogueEntry["kind"], label: string, protocol: Protocol, load: Load): CatalogueEntry => ({
  kind,
  label,
  protocol,
  load,
  ofTopics: true,
});
const topic = (label: string, protocol: Protocol): CatalogueEntry => ofTopics("upwire", label, protocol, () => import("./rows/topic.ts"));
const frames = (label: string): CatalogueEntry => ofTopics("control", label, "frames", () => import("./rows/frames.ts"));
const replay = (label: string, library: "core" | "ws"): CatalogueEntry =>
  ofTopics("control", label, "topic", async () => ({ row: (await import("./rows/replay.ts")).replay[library]() }));
const plain = (label: string, kind: "alone" | "greeted" | "member"): CatalogueEntry =>
  ofTopics("control", label, kind === "greeted" ? "greeted" : "websocket", async () => ({ row: (await import("./rows/plain.ts")).plainRow(kind) }));
const room = (label: string, recovery: boolean): CatalogueEntry =>
  ofTopics("rival", label, "socket.io-room", async () => ({ row: (await import("./rows/socketio-room.ts")).roomRow({ recovery }) }));

/** Every row by the name that `--rows` takes. */
export const catalogue: Readonly<Record<string, CatalogueEntry>> = {
  upwire: upwire("upwire, node:http", () => import("./rows/upwire-node.ts")),
  "upwire-express": upwire("upwire, Express", () => import("./rows/upwire-express.ts")),
  "upwire-fastify": upwire("upwire, Fastify", () => import("./rows/upwire-fastify.ts")),
  "upwire-hono": upwire("upwire, Hono", () => import("./rows/upwire-hono.ts")),
  "upwire-koa": upwire("upwire, Koa", () => import("./rows/upwire-koa.ts")),
  "upwire-fastify-websocket": upwire("upwire, @fastify/websocket", () => import("./rows/upwire-fastify-websocket.ts")),
  "upwire-hono-node-ws": upwire("upwire, @hono/node-ws", () => import("./rows/upwire-hono-node-ws.ts")),
  "upwire-shared-history": upwire("upwire, shared history", () => import("./rows/upwire-shared-history.ts")),
  "upwire-ws-reader": control("upwire, read by ws", () => import("./rows/upwire-ws-reader.ts")),
  ws: control("ws, a loop of send", () => import("./rows/ws.ts")),
  "ws-framed": control("ws, framed once", () => import("./rows/ws-framed.ts")),
  "raw-net": control("raw net", () => import("./rows/raw-net.ts")),
  "raw-net-joined": control("raw net, joined", () => import("./rows/raw-net-joined.ts")),
  "node-alone": alone("node:http", "node"),
  "express-alone": alone("Express", "express"),
  "fastify-alone": alone("Fastify", "fastify"),
  "hono-alone": alone("Hono", "hono"),
  "koa-alone": alone("Koa", "koa"),
  socketio: { ...rival("Socket.IO", () => import("./rows/socketio.ts")), protocol: "socket.io" },
  crossws: rival("crossws", () => import("./rows/crossws.ts")),
  "fastify-websocket": rival("@fastify/websocket", () => import("./rows/fastify-websocket.ts")),
  "hono-node-ws": rival("@hono/node-ws", () => import("./rows/hono-node-ws.ts")),
  "express-ws": rival("express-ws", () => import("./rows/express-ws.ts")),
  "koa-websocket": rival("koa-websocket", () => import("./rows/koa-websocket.ts")),
  topic: topic("upwire, a topic", "topic"),
  "topic-own": topic("upwire, a topic each", "topic-own"),
  "topic-by-clients": topic("upwire, by v1 clients", "topic-by-clients"),
  frames: frames("hub.broadcast, as long"),
  "frames-again": frames("hub.broadcast, again"),
  "socketio-recovery": room("Socket.IO, recovery", true),
  "socketio-room": room("Socket.IO, a room", false),
  "replay-core": replay("by hand on core", "core"),
  "replay-ws": replay("by hand on ws", "ws"),
  plain: plain("plain connection", "alone"),
  "plain-greeted": plain("plain, sent two messages", "greeted"),
  "plain-member": plain("plain, in a hub", "member"),
  gorilla: { label: "gorilla chat (Go)", kind: "rival", protocol: "websocket", goArguments: [] },
  "gorilla-glued": { label: "gorilla chat, glued (Go)", kind: "rival", protocol: "glued", goArguments: ["-glue"] },
};
