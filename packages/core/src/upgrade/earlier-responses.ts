import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { responsesKey } from "../base/cross-copy.ts";
import type { AttachableServer } from "./server.ts";

/** A channel of Node. It tells of every request but upgrades and CONNECT, also when the application has taken listeners away. */
const REQUEST_START = "http.server.request.start";

interface AnsweringSocket extends Socket {
  [responsesKey]?: ServerResponse[] | undefined;
}

interface RequestStart {
  readonly response: ServerResponse;
  readonly socket: AnsweringSocket;
  readonly server: unknown;
}

/**
 * Knows which responses of one server are not finished. RFC 9112 §9.3.2: answers come in the order of the requests, so an
 * upgrade on the same connection has to wait for them.
 */
export class EarlierResponses {
  readonly #server: AttachableServer;
  #isSubscribed = false;

  constructor(server: AttachableServer) {
    this.#server = server;
    server.on("connection", this.#start);
    // The channel belongs to the process: it would keep a server for ever that is closed and forgotten.
    server.on("close", this.#stop);
  }

  detach(): void {
    this.#server.off("connection", this.#start);
    this.#server.off("close", this.#stop);
    this.#stop();
  }

  readonly #start = (): void => {
    if (this.#isSubscribed) return;
    this.#isSubscribed = true;
    subscribe(REQUEST_START, this.#onRequestStart);
  };

  readonly #stop = (): void => {
    this.#isSubscribed = false;
    unsubscribe(REQUEST_START, this.#onRequestStart);
  };

  readonly #onRequestStart = (message: unknown): void => {
    const { response, socket, server } = message as RequestStart;
    if (server !== this.#server) return;
    const responses = socket[responsesKey];
    if (responses === undefined) socket[responsesKey] = [response];
    else responses.push(response);
    response.on("close", forget);
  };
}

/** One function for all responses, since a closure for each request would cost every ordinary request. */
function forget(this: ServerResponse): void {
  const responses = (this.req.socket as AnsweringSocket)[responsesKey];
  const at = responses?.indexOf(this) ?? -1;
  if (at >= 0) responses?.splice(at, 1);
}

/** The responses that are to be finished before anything else may be written to `socket`, the next one first. */
export function unfinishedResponses(socket: Socket): readonly ServerResponse[] {
  return (socket as AnsweringSocket)[responsesKey] ?? [];
}
