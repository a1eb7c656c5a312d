import { onEvent } from "@upwire/core";
import type { RefusalCode } from "@upwire/core/adapter";
import type { ClientRequest, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { WebSocket, type ClientOptions } from "ws";
import type { TestableApp } from "./app.ts";
import type { TestClient } from "./client.ts";
import { OpenClient } from "./open-client.ts";
import { resolveOptions, type ConnectOptions, type ResolvedConnectOptions } from "./options.ts";
import { RefusedError } from "./refused-error.ts";
import { TestServer, type Place } from "./test-server.ts";

/** How much of the body of a refusal is kept. */
const MAX_BODY_BYTES = 1_048_576;

/**
 * Opens a WebSocket to a route of `app`, as a browser on a page of the same server would: a real server listens on a free port of
 * 127.0.0.1, `attach` is called on it unless the application has done so, and it closes behind the last client of that application.
 * A server that listens already is used as it is, and stays open.
 * @param app An application of Express, Fastify, Hono (by `@hono/node-server`) or Koa, or a server or request listener of Node.
 * @param path With its query, if there is one: `/ws?room=tea`.
 * @throws RefusedError with status, code and body, for every answer but a 101. @throws Error when no answer comes in time.
 * @throws TypeError or RangeError for what is no application, no path or no option.
 */
export async function connectTo(app: TestableApp, path: string, options: ConnectOptions = {}): Promise<TestClient> {
  const resolved = resolveOptions(path, options);
  const server = TestServer.of(app);
  const place = await server.acquire();
  // Once, whatever comes: a client that was refused closes too.
  let released: Promise<void> | undefined;
  const release = (): Promise<void> => (released ??= server.release());
  try {
    return await open(place, path, resolved, release);
  } catch (error) {
    await release();
    throw error;
  }
}

async function open(place: Place, path: string, options: ResolvedConnectOptions, release: () => Promise<void>): Promise<TestClient> {
  const ws = new WebSocket(`${place.scheme}://${place.authority}${path}`, [...options.subprotocols], clientOptions(place, options));
  const client = new OpenClient(ws, { path, options, release });
  const refusals = new Refusals();
  const givenUpAt = performance.now() + options.handshakeTimeoutMs;
  try {
    const answer = await answerTo(ws, options.handshakeTimeoutMs);
    if (answer.statusCode !== 101) throw new RefusedError(path, await refusals.describe(answer, givenUpAt - performance.now()));
    client.headers = answer.headers;
    return client;
  } catch (error) {
    ws.terminate();
    if (error instanceof RefusedError) throw error;
    throw new Error(`connectTo(${JSON.stringify(path)}): ${(error as Error).message}`, { cause: error });
  } finally {
    refusals.end();
  }
}

function clientOptions({ scheme, authority }: Place, { headers, origin }: ResolvedConnectOptions): ClientOptions {
  const given = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const { host = authority, origin: ofHeaders = `${scheme === "wss" ? "https" : "http"}://${host}` } = given;
  const sent = origin === undefined ? ofHeaders : origin;
  return {
    headers: { ...headers },
    // The certificate of a server under test is its own.
    rejectUnauthorized: false,
    ...(sent === null ? {} : { origin: sent }),
  };
}

/** The answer to the handshake: of an open `ws`, or of one that was refused. Rejects when there is none. */
function answerTo(ws: WebSocket, timeoutMs: number): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no answer to the handshake came within ${timeoutMs} ms`)), timeoutMs);
    const settle = (run: () => void): void => {
      clearTimeout(late);
      run();
    };
    // Behind the 101 comes `open`, or `error` when the 101 is wrong in itself.
    ws.once("upgrade", (answer) => ws.once("open", () => settle(() => resolve(answer))));
    ws.once("unexpected-response", (_request: ClientRequest, answer) => settle(() => resolve(answer)));
    ws.on("error", (error) => settle(() => reject(error)));
  });
}

/** The refusals that upwire tells of in this process, by the port of the client: an answer itself does not name its code. */
class Refusals {
  readonly #codes = new Map<number | undefined, RefusalCode>();
  readonly end: () => void;

  constructor() {
    this.end = onEvent("upwire:refused", ({ code, request }) => {
      // What some test helpers make has no socket.
      this.#codes.set((request.raw.socket as Socket | undefined)?.remotePort, code);
    });
  }

  /** @param timeoutMs How long its body is waited for: a stream of events never ends. */
  async describe(answer: IncomingMessage, timeoutMs: number): Promise<Pick<RefusedError, "status" | "code" | "body" | "headers">> {
    const code = this.#codes.get(answer.socket.localPort);
    return { status: answer.statusCode ?? 0, code, body: await bodyOf(answer, timeoutMs), headers: answer.headers };
  }
}

async function bodyOf(answer: IncomingMessage, timeoutMs: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const late = setTimeout(() => answer.destroy(), timeoutMs);
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.byteLength;
      if (bytes >= MAX_BODY_BYTES) break;
    }
  } catch {
    // It ended in the middle: what came is still the best there is.
  } finally {
    clearTimeout(late);
  }
  return Buffer.concat(chunks).toString("utf8", 0, MAX_BODY_BYTES);
}
