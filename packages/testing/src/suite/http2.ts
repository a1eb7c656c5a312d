import { once } from "node:events";
import { connect, type ClientHttp2Session, type IncomingHttpHeaders, type IncomingHttpStatusHeader } from "node:http2";
import { setImmediate } from "node:timers/promises";
import { text } from "node:stream/consumers";
import { createSecureContext } from "node:tls";
import type { Attachment } from "@upwire/core";
import { CHECK_MEDIA_TYPE } from "@upwire/protocol";
import { describe, expect, it, onTestFinished } from "vitest";
import type { AdapterSetup } from "../adapter-setup.ts";
import { encodeHandshake } from "../handshake-request.ts";
import { selfSigned, type KeyAndCertificate } from "../self-signed.ts";
import { StateClient } from "../states/state-client.ts";
import { WireClient } from "../wire-client.ts";

/** For a server that speaks HTTP/2 and HTTP/1.1 (`allowHTTP1`) on one port. */
export type Http2Setup = AdapterSetup & { readonly tls: KeyAndCertificate };

export interface RunningHttp2Server {
  readonly port: number;
  readonly attachment: Attachment;
  readonly close: () => Promise<void>;
}

interface Http2Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const ROUTE = "/http2/echo";
const BODY = '{"a":1}';
/** RFC 9113 §8.2.2 */
const CONNECTION_HEADERS = ["connection", "upgrade", "keep-alive", "proxy-connection", "transfer-encoding"];
const HANDSHAKE = { "sec-websocket-version": "13", "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==" };
const H2C_POST =
  "POST /body HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n" +
  `Content-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;
const LAST_GET = "GET /http HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/**
 * Declares how an adapter must act on a server that speaks HTTP/2 too, as one `describe`: a route refuses requests by HTTP/2,
 * which has no upgrades, and takes WebSockets by HTTP/1.1.
 */
export function describeHttp2(name: string, build: (setup: Http2Setup) => Promise<RunningHttp2Server>): void {
  describe(`HTTP/2 with allowHTTP1: ${name}`, () => {
    const uncaught: unknown[] = [];
    const note = (error: unknown): void => void uncaught.push(error);

    async function serve(): Promise<RunningHttp2Server> {
      uncaught.length = 0;
      process.on("uncaughtException", note);
      process.on("unhandledRejection", note);
      const running = await build({
        routes: [{ path: ROUTE, handler: { message: (connection, message) => void connection.send(message) }, options: {} }],
        onRequest: () => {},
        attachOptions: {},
        pages: [],
        tls: selfSigned(),
      });
      onTestFinished(async () => {
        await running.close();
        process.off("uncaughtException", note);
        process.off("unhandledRejection", note);
      });
      return running;
    }
    /** A rejection is reported a turn after it happens. */
    async function expectSound({ port, attachment }: RunningHttp2Server): Promise<void> {
      expect(await echo(port)).toBe("hello");
      await setImmediate();
      expect(uncaught).toEqual([]);
      await attachment.close();
      expect(attachment.count).toBe(0);
    }

    const refused: readonly (readonly [what: string, status: number, headers: Readonly<Record<string, string>>])[] = [
      ["a plain GET", 426, {}],
      ["a GET with the headers of a handshake", 426, HANDSHAKE],
      ["a HEAD", 405, { ":method": "HEAD" }],
      ["a GET that accepts only HTML", 426, { accept: "text/html" }],
    ];
    for (const [what, status, headers] of refused) {
      it(`refuses ${what} by HTTP/2 with ${status} and no connection headers, and the session goes on`, async () => {
        const running = await serve();
        const session = await open(running.port);
        const answer = await request(session, { ":path": ROUTE, ...headers });
        expect(answer.status).toBe(status);
        expect(Object.keys(answer.headers).filter((header) => CONNECTION_HEADERS.includes(header))).toEqual([]);
        expect(await request(session, { ":path": "/http" })).toMatchObject({ status: 200, body: "http" });
        await expectSound(running);
      });
    }

    it("says by HTTP/2, as browsers ask, what a handshake would be answered", async () => {
      const running = await serve();
      const session = await open(running.port);
      const origin = `https://127.0.0.1:${running.port}`;
      const accept = CHECK_MEDIA_TYPE;
      const allowed = await request(session, { ":path": ROUTE, accept, origin });
      expect(allowed).toMatchObject({ status: 200, body: '{"ok":true}', headers: { "access-control-allow-origin": origin } });
      const foreign = await request(session, { ":path": ROUTE, accept, origin: "https://evil.example" });
      expect(JSON.parse(foreign.body)).toEqual({ ok: false, status: 403, code: "ERR_ORIGIN", retry: "no" });
      expect(foreign.headers["access-control-allow-origin"]).toBe(undefined);
      await expectSound(running);
    });

    it("serves many streams of a session while a WebSocket is open on another connection", async () => {
      const running = await serve();
      const client = await connectWebSocket(running.port);
      const session = await open(running.port);
      const paths = [ROUTE, "/http", ROUTE, "/http", ROUTE];
      const answers = await Promise.all(paths.map((path) => request(session, { ":path": path })));
      expect(answers.map(({ status }) => status)).toEqual([426, 200, 426, 200, 426]);
      client.sendText("still here");
      expect((await client.nextMessage()).text).toBe("still here");
      client.socket.destroy();
      await expectSound(running);
    });

    it("takes a WebSocket by HTTP/1.1", async () => {
      await expectSound(await serve());
    });

    it("answers a request and the handshake behind it, in one packet by HTTP/1.1, in their order", async () => {
      const running = await serve();
      const client = await StateClient.connect(running.port, createSecureContext());
      onTestFinished(() => void client.socket.destroy());
      client.send("GET /http HTTP/1.1\r\nHost: localhost\r\n\r\n", encodeHandshake({ path: ROUTE }, "localhost").text);
      const answers = [await client.response("GET /http"), await client.response("the handshake")];
      expect(answers.map(({ head }) => head.status)).toEqual([200, 101]);
      client.socket.destroy();
      await expectSound(running);
    });

    it("serves an ordinary request by HTTP/1.1 that offers h2c, body and keep-alive included", async () => {
      const running = await serve();
      const client = await StateClient.connect(running.port, createSecureContext());
      onTestFinished(() => void client.socket.destroy());
      for (const [bytes, body] of [
        [H2C_POST, BODY],
        [H2C_POST, BODY],
        [LAST_GET, "http"],
      ] as const) {
        client.send(bytes);
        const answer = await client.response("an ordinary request");
        expect([answer.head.status, answer.body.toString()]).toEqual([200, body]);
      }
      await client.end();
      await expectSound(running);
    });
  });
}

async function open(port: number): Promise<ClientHttp2Session> {
  const session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  onTestFinished(() => session.destroy());
  await once(session, "connect");
  return session;
}

async function request(session: ClientHttp2Session, headers: Readonly<Record<string, string>>): Promise<Http2Answer> {
  const stream = session.request(headers);
  const [head] = (await once(stream, "response", { signal: AbortSignal.timeout(3000) })) as [IncomingHttpHeaders & IncomingHttpStatusHeader];
  return { status: head[":status"], headers: head, body: await text(stream) };
}

async function connectWebSocket(port: number): Promise<WireClient> {
  const client = await WireClient.connect({ port, path: ROUTE, tls: { rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] } });
  onTestFinished(() => void client.socket.destroy());
  return client;
}

async function echo(port: number): Promise<string> {
  const client = await connectWebSocket(port);
  if (client.status !== 101) return `answered with ${client.status}`;
  client.sendText("hello");
  const { text: echoed } = await client.nextMessage();
  await client.close(1000);
  return echoed;
}
