import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { attach, logEvents } from "../../src/index.ts";

function dropped(): unknown[] {
  const events: unknown[] = [];
  const note = (event: unknown): void => void events.push((event as { readonly code: string }).code);
  subscribe("upwire:dropped", note);
  onTestFinished(() => void unsubscribe("upwire:dropped", note));
  return events;
}

async function listen(server: Server): Promise<number> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** All that the server sends until it ends the connection. */
async function answer(port: number, request: string): Promise<string> {
  const socket = connect(port, "127.0.0.1").on("error", () => {});
  let text = "";
  socket.on("data", (chunk: Buffer) => void (text += chunk.toString("latin1")));
  socket.write(request);
  await once(socket, "close");
  return text;
}

const HUGE = `GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nCookie: a=${"x".repeat(20_000)}\r\n\r\n`;
const BROKEN = "GET\r\n\r\n";

describe("what Node refuses by itself", () => {
  it("is told to the channel, and Node's answers stay what they are", async () => {
    const bare = await listen(createServer());
    const server = createServer();
    attach(server);
    const port = await listen(server);
    const events = dropped();
    expect(await answer(port, HUGE)).toBe(await answer(bare, HUGE));
    expect(await answer(port, HUGE)).toMatch(/^HTTP\/1\.1 431 /);
    expect(await answer(port, BROKEN)).toBe(await answer(bare, BROKEN));
    expect(events).toEqual(["ERR_HEADER_TOO_BIG", "ERR_HEADER_TOO_BIG", "ERR_BAD_REQUEST"]);
  });

  it("is told beside a listener of the application, which answers", async () => {
    const server = createServer();
    attach(server);
    server.on("clientError", (_error, socket) => void socket.end("HTTP/1.1 418 Mine\r\n\r\n"));
    const port = await listen(server);
    const events = dropped();
    expect(await answer(port, HUGE)).toBe("HTTP/1.1 418 Mine\r\n\r\n");
    expect(events).toEqual(["ERR_HEADER_TOO_BIG"]);
  });

  it("is a line of the log", async () => {
    const lines: string[] = [];
    onTestFinished(logEvents({ write: (line) => void lines.push(line) }));
    const server = createServer();
    attach(server);
    await answer(await listen(server), HUGE);
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([{ event: "dropped", code: "ERR_HEADER_TOO_BIG", address: "127.0.0.1" }]);
  });

  it("is not a client that leaves in the middle of its head", async () => {
    const server = createServer();
    attach(server);
    const port = await listen(server);
    const events = dropped();
    const socket = connect(port, "127.0.0.1").on("error", () => {});
    socket.end("GET / HT");
    socket.resume();
    await once(socket, "close");
    expect(events).toEqual([]);
  });

  it("does not answer within the answer to an earlier request", async () => {
    const server = createServer((_req, res) => void res.writeHead(200, { "content-length": 4 }).write("ab"));
    attach(server);
    const port = await listen(server);
    expect(await answer(port, `GET / HTTP/1.1\r\nHost: a\r\n\r\n${BROKEN}`)).toMatch(/\r\n\r\nab$/);
  });
});
