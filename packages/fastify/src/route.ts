import type { FastifyRequest } from "fastify";

/** Fits every instance: with `http2` and `allowHTTP1` too, where a request by HTTP/2 itself is refused with 426. */
export type WebSocketRoute<Native = FastifyRequest> = (request: Native | { readonly raw: unknown }, reply: unknown) => Promise<void>;
