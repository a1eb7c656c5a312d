import { defineContract, request, topic, type Realtime } from "@upwire/realtime";
import { z } from "zod";

/** Longest text that a tab may say. UTF-16 code units. */
const MAX_TEXT = 500;

/** A number of each tab's own, from 1 on: by it every tab counts what was lost, and what came twice. */
const number = z.number().int().positive();

const room = z.string().regex(/^[a-z0-9-]{1,24}$/);

/** One of the servers, as the launcher knows it. */
const server = z.object({
  number,
  framework: z.string(),
  port: z.number(),
  pid: z.number().optional(),
  /** The name of its broker, and the beginning of the id of each of its connections. */
  node: z.string().optional(),
  state: z.enum(["starting", "running", "draining", "stopped"]),
});

const status = z.object({
  /** The server that says so: the tab's own. */
  server: z.object({ number, framework: z.string() }),
  broker: z.object({
    kind: z.enum(["mesh", "redis"]),
    state: z.enum(["up", "degraded", "down"]),
    /** Servers, and the launcher, that the broker sees alive. */
    nodes: z.number(),
  }),
  /** Empty where no launcher has started them. */
  servers: z.array(server),
  /** Of all servers; the first 50. */
  tabs: z.array(z.object({ name: z.string(), node: z.string() })),
  /** Nodes that did not answer when they were asked for their tabs. */
  missing: z.array(z.string()),
});

/** All that the page and the servers say to each other. The page imports the types and no schema. */
export const contract = defineContract({
  events: {
    /** To the tabs that watch: how the cluster is now. */
    status,
  },
  requests: {
    /** From now on this tab gets `status`. */
    watch: request(z.object({}), status),
    /** To every tab of the room, on every server. A `text` is shown; without one it is only counted. */
    say: request(z.object({ room, n: number, text: z.string().max(MAX_TEXT).optional() }), z.object({ offset: z.number().optional() })),
    /** Only where the launcher runs: what it is to do with a server. */
    control: request(z.object({ action: z.enum(["drain", "kill", "start"]), server: number }), z.object({})),
  },
  topics: {
    "room:{room}": topic({
      events: {
        message: z.object({
          from: z.string(),
          n: number,
          text: z.string().optional(),
          /** The server that it came through. */
          via: number,
        }),
      },
    }),
  },
});

export type ClusterContract = typeof contract;
/** The server's end of it. A user is the name of a tab. */
export type ClusterRealtime = Realtime<ClusterContract, string>;
export type Status = z.infer<typeof status>;
export type ServerStatus = z.infer<typeof server>;
export type Action = "drain" | "kill" | "start";
