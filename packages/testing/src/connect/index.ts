export type { FastifyLike, HonoLike, KoaLike, RequestListener, TestableApp, TestableServer } from "./app.ts";
export type { CloseOfServer, NextOptions, ServerMessage, TestClient } from "./client.ts";
export { connectTo } from "./connect-to.ts";
export type { ConnectOptions } from "./options.ts";
export { RefusedError } from "./refused-error.ts";
