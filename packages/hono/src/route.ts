import type { Context as HonoContext, MiddlewareHandler } from "hono";

/** What `new Hono<Env>()` was told, from the type of one of its contexts. */
type EnvOf<Native> = Native extends HonoContext<infer Env> ? Env : never;

/** A WebSocket route, marked as one for Hono's RPC client: `hc<typeof app>(address).ws.$ws()`. */
export type WebSocketRoute<Native extends HonoContext = HonoContext> = MiddlewareHandler<EnvOf<Native>, string, { outputFormat: "ws" }>;
