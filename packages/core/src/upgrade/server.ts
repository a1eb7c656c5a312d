import type { Server as HttpServer } from "node:http";
import type { Http2SecureServer } from "node:http2";
import type { Server as HttpsServer } from "node:https";

/** What can be attached to. An HTTP/2 server needs `allowHTTP1`: WebSockets come to it by HTTP/1.1. */
export type AttachableServer = HttpServer | HttpsServer | Http2SecureServer;
