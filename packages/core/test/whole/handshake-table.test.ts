import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { handshakeCases, runHandshakes, type TableReport } from "@upwire/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocketServer } from "ws";

type Fault = (req: IncomingMessage, socket: Duplex, goOn: () => void) => void;

/** An echo server on `ws` alone, with a fault of its own. Every adapter plays the table in its suite; this is what must not pass. */
async function judge(ids: string | undefined, fault: Fault = (_req, _socket, goOn) => goOn(), headers: readonly string[] = []): Promise<TableReport> {
  const server = createServer((_req, res) => void res.writeHead(404).end());
  const wss = new WebSocketServer({ noServer: true });
  wss.on("headers", (lines) => lines.push(...headers));
  wss.on("connection", (ws) => {
    ws.on("error", () => {});
    ws.on("message", (data, isBinary) => ws.send(data, { binary: isBinary }));
  });
  server.on("upgrade", (req, socket, head) => {
    socket.on("error", () => {});
    fault(req, socket, () => wss.handleUpgrade(req, socket, head, (ws) => wss.emit("connection", ws)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const client of wss.clients) client.terminate();
    server.close();
  });
  const cases = handshakeCases.filter(({ id }) => ids === undefined || id.startsWith(ids));
  return runHandshakes(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`, { cases, timeoutMs: 2000 });
}

const reasons = ({ failing }: TableReport): readonly string[] => failing.flatMap(({ why }) => why);

describe("the handshake table", () => {
  it("has at least 500 rows, each with an id of its own", () => {
    expect(handshakeCases.length).toBeGreaterThanOrEqual(500);
    expect(new Set(handshakeCases.map(({ id }) => id)).size).toBe(handshakeCases.length);
  });

  it("is failed by ws alone, which checks no Host and no Origin", { timeout: 30_000 }, async () => {
    const { failing } = await judge(undefined);
    const failed = new Set(failing.filter(({ level }) => level === "must").map(({ id }) => id));
    for (const id of [
      "6454-4-foreign-host",
      "9112-3.2-host-missing",
      "9112-3.2-host-doubled",
      "6455-4.2.1-http-1.0",
      "6455-4.3-version-0x0d",
      "9112-6-body-length-frame",
    ]) {
      expect([id, failed.has(id)]).toEqual([id, true]);
    }
    expect(failing.filter(({ group }) => ["header size", "extensions"].includes(group))).toEqual([]);
  });

  it("finds a subprotocol that was not offered, and one that nobody speaks", async () => {
    expect(reasons(await judge("6455-4.1-key-sample", undefined, ["Sec-WebSocket-Protocol: other"]))).toEqual([
      'the 101 confirms the subprotocol "other", which was not offered',
    ]);
    expect(reasons(await judge("6455-4.2.2-protocol-one"))).toEqual([expect.stringMatching(/none is right$/)]);
  });

  it("finds a forged header, and a body length on a 101", async () => {
    const wrong = ["X-Forged: 1", "Content-Length: 0"];
    expect(reasons(await judge("6455-4.1-key-sample", undefined, wrong))).toEqual([
      "the answer has a header that the client forged",
      "the 101 has content-length",
    ]);
  });

  it("finds a client that is left waiting: without an answer, and behind a refusal", async () => {
    const isVersion12 = (req: IncomingMessage): boolean => req.headers["sec-websocket-version"] === "12";
    const silent = await judge("6455-4.4-version-12", (req, _socket, goOn) => {
      if (!isVersion12(req)) goOn();
    });
    expect(reasons(silent)).toEqual(["the handshake was not answered within 2000 ms"]);
    const deaf = await judge("6455-4.4-version-12", (req, socket, goOn) => {
      if (!isVersion12(req)) return goOn();
      socket.write("HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n");
    });
    expect(reasons(deaf)).toEqual(["after the refusal TCP did not end, and no further request was served"]);
  });

  it("finds an answer that takes its time only for the longer request", async () => {
    const slow = await judge("6455-9.1-hostile-extension-open-quote", (req, _socket, goOn) => {
      const { length } = req.headers["sec-websocket-extensions"] ?? "";
      if (length > 10_000) setTimeout(goOn, 300);
      else goOn();
    });
    expect(reasons(slow)).toContainEqual(expect.stringMatching(/^answered after \d+ ms, and with half of it after/));
  });

  it("finds a server that serves nobody after a request", async () => {
    let isBroken = false;
    const broken = await judge("6455-4.3-version-+13", (req, _socket, goOn) => {
      isBroken ||= req.headers["sec-websocket-version"] === "+13";
      if (!isBroken) goOn();
    });
    expect(reasons(broken)).toContainEqual(expect.stringMatching(/^afterwards a good client is not served/));
    expect(broken.failing[0]?.level).toBe("must");
  });
});
