import type { Socket } from "node:net";
import { unfinishedResponses } from "./earlier-responses.ts";
import type { DropCode } from "../base/errors.ts";
import type { AttachableServer } from "./server.ts";
import { asSocket } from "../connection/stream-socket.ts";
import { channels } from "../base/channels.ts";

interface NodeAnswer {
  readonly code: DropCode;
  readonly status: string;
}

/** What Node answers by itself, before there is a request; everything else of its parser is a 400. */
const answers: Readonly<Record<string, NodeAnswer>> = {
  HPE_HEADER_OVERFLOW: { code: "ERR_HEADER_TOO_BIG", status: "431 Request Header Fields Too Large" },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { code: "ERR_BAD_REQUEST", status: "413 Payload Too Large" },
  ERR_HTTP_REQUEST_TIMEOUT: { code: "ERR_REQUEST_TIMEOUT", status: "408 Request Timeout" },
};
const badRequest: NodeAnswer = { code: "ERR_BAD_REQUEST", status: "400 Bad Request" };

/** Publishes what Node refuses before the application sees it, and answers as Node does where no other listener would. */
export class ParseErrors {
  readonly #server: AttachableServer;

  constructor(server: AttachableServer) {
    this.#server = server;
    (server as NodeJS.EventEmitter).on("clientError", this.#onClientError);
  }

  detach(): void {
    (this.#server as NodeJS.EventEmitter).off("clientError", this.#onClientError);
  }

  readonly #onClientError = (error: { readonly code?: unknown } | undefined, socket: Socket): void => {
    const code = typeof error?.code === "string" ? error.code : "";
    const answer = answers[code] ?? badRequest;
    // A client that left or a reset is no request that was refused.
    const isRefused = answer !== badRequest || (code.startsWith("HPE_") && code !== "HPE_INVALID_EOF_STATE");
    if (isRefused) channels.dropped.publish({ code: answer.code, remoteAddress: socket.remoteAddress });
    if (this.#server.listenerCount("clientError") > 1) return;
    // A listener of the application answers in place of Node. Within the answer to an earlier request, another one would corrupt that.
    const isAnswering = unfinishedResponses(socket).some((response) => response.headersSent);
    if (socket.writable && !isAnswering) socket.write(`HTTP/1.1 ${answer.status}\r\nConnection: close\r\n\r\n`);
    asSocket(socket).destroySoon();
  };
}
