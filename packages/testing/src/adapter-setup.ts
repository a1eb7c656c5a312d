import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Attachment, AttachOptions, ConnectionHandler, UpgraderOptions } from "@upwire/core";
import type { KeyAndCertificate } from "./self-signed.ts";

/** A WebSocket route for the server that an adapter's test builds. */
export interface AdapterRoute {
  /** May hold `:id`. */
  readonly path: string;
  readonly handler: ConnectionHandler;
  readonly options: UpgraderOptions;
}

/** A page that answers `GET path` by itself, past the framework. */
export interface AdapterPage {
  readonly path: string;
  /** Gets Node's own request and response, and answers at some time or other. */
  readonly serve: (req: IncomingMessage, res: ServerResponse) => void;
}

/**
 * What `build` has to set up, each thing in the framework's own manner. Before the routes, for every request:
 *
 * - `onRequest(path, req, res)` is called first, with the path without its query, and with the request and response of Node;
 * - the response gets the header `x-middleware: 1` and the two cookies `a=1` and `b=2`, one `Set-Cookie` line each;
 * - under `/slow/` it waits 50 ms;
 * - under `/private/` it answers 401, header `x-refused: 1`, body `no entry`;
 * - on `/throws` it throws, so that the framework answers 500;
 * - on `/session` it adds 1 to `n` of the session (the framework's own session library, or cookies) and writes `n` into the
 *   header `x-session-n` of Node's request.
 *
 * And two pages: `GET /http` answers 200 with the body `http`, and `POST /body` answers 200 with the JSON that it was sent, read
 * and written in the framework's own manner.
 */
export interface AdapterSetup {
  readonly routes: readonly AdapterRoute[];
  readonly onRequest: (path: string, req: IncomingMessage, res?: ServerResponse) => void;
  /** For `attach`, which gets them as they are. */
  readonly attachOptions: Pick<AttachOptions, "handshakeTimeoutMs" | "headTimeoutMs" | "maxPendingHandshakes" | "clock">;
  readonly pages: readonly AdapterPage[];
  /** The server speaks TLS, with this. */
  readonly tls?: KeyAndCertificate;
}

export interface RunningServer {
  /** Listens on 127.0.0.1. */
  readonly server: Server;
  /** What `attach` returned. */
  readonly attachment: Attachment;
  /** The framework's own way to stop. Called once. */
  readonly close: () => Promise<void>;
}

/** Yes, or the reason why not: the behaviours that need it are then skipped under that reason. */
export type Capability = true | string;

/** What a plugin that answers past the framework may prevent. Everything else is required of every adapter. */
export interface Capabilities {
  /** What middleware does after the route counts for the 101 too: a session is saved, and its cookie is set. */
  readonly sessionOn101: Capability;
  /** What the application answers in place of the route (a 404, a page) reaches the client with headers and body, not only with its status. */
  readonly fullRefusals: Capability;
  /** The response that middleware sees is the one that answers, and ends as any other of Node. */
  readonly responseLife: Capability;
}
