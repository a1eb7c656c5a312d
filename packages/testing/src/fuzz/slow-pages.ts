import { ServerResponse, type IncomingMessage, type Server } from "node:http";
import type { FuzzPages } from "./before.ts";

/** Pages that every application has once `addSlowPages` was called for its server. */
export const slowPages: Required<Omit<FuzzPages, "quick">> = {
  slow: "/fuzz/slow",
  streamed: "/fuzz/streamed",
  lateEnd: "/fuzz/late-end",
  download: "/fuzz/download",
};

const SLOW_MS = 3;
const LATE_MS = 20;
/** More than a socket takes on loopback while its other end does not read. */
const DOWNLOAD_BYTES = 8 * 1024 * 1024;

/** How the one page of the application is sent under a path, in place of at once. */
type Manner = (res: ServerResponse, body: Buffer) => void;

const manners: Readonly<Record<string, Manner>> = {
  [slowPages.slow]: (res, body) => void setTimeout(end, SLOW_MS, res, body),
  [slowPages.streamed](res, body) {
    const half = body.byteLength >> 1;
    write(res, body.subarray(0, half));
    setTimeout(() => {
      write(res, body.subarray(half));
      setTimeout(end, SLOW_MS, res);
    }, SLOW_MS);
  },
  [slowPages.lateEnd](res, body) {
    // The client has the whole answer, and may go on, while the server does not call it finished.
    if (!res.headersSent) res.setHeader("Content-Length", body.byteLength);
    write(res, body);
    setTimeout(end, LATE_MS, res);
  },
  [slowPages.download]: (res) => end(res, Buffer.alloc(DOWNLOAD_BYTES, "-")),
};

/**
 * Gives a server with any application the slow pages: each is the page at `quick`, sent in another manner. Every answer
 * gets the header `X-Fuzz` of its request.
 */
export function addSlowPages(server: Server, quick: string): void {
  server.prependListener("request", (req: IncomingMessage, res: ServerResponse) => {
    const { "x-fuzz": mark } = req.headers;
    if (mark === undefined || res.headersSent) return;
    res.setHeader("X-Fuzz", mark);
    const manner = req.method === "GET" ? manners[req.url ?? ""] : undefined;
    if (manner === undefined) return;
    if (req.url === slowPages.download) res.writeHead = downloadHead;
    req.url = quick;
    // An own property, as Express replaces the prototype. What is written before the end goes out as it comes.
    res.end = (body?: unknown, encoding?: unknown): ServerResponse => {
      manner(
        res,
        Buffer.from(
          typeof body === "string" || body instanceof Uint8Array ? (body as string) : "",
          typeof encoding === "string" ? (encoding as BufferEncoding) : "utf8",
        ),
      );
      return res;
    };
  });
}

/** The application knows another length. */
function downloadHead(this: ServerResponse, status: number): ServerResponse {
  this.setHeader("Content-Length", DOWNLOAD_BYTES);
  return ServerResponse.prototype.writeHead.call(this, status);
}

function write(res: ServerResponse, bytes: Buffer): void {
  if (!res.destroyed) ServerResponse.prototype.write.call(res, bytes, "utf8");
}

function end(res: ServerResponse, bytes: Buffer = Buffer.alloc(0)): void {
  ServerResponse.prototype.end.call(res, bytes, "utf8");
}
