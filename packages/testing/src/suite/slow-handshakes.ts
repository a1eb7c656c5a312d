import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { refuse } from "@upwire/core";
import { expect, onTestFinished } from "vitest";
import { Channel } from "../channel.ts";
import { rawRequest } from "../raw-request.ts";
import type { Suite } from "./suite.ts";

const HEAD_TIMEOUT_MS = 500;
/** Longer than any machine is busy, and shorter than Node's own limits: 60 s, checked every 30. */
const PATIENCE_MS = 20_000;
const PAGE = "GET /http HTTP/1.1\r\nHost: a\r\n\r\n";

async function open(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  return socket;
}

/** A handshake that goes on for ever, one header at a time: all that was answered, once the server has ended it. */
async function trickle(port: number): Promise<string> {
  const socket = await open(port);
  let received = "";
  socket.setEncoding("latin1").on("data", (text: string) => (received += text));
  socket.on("error", () => {});
  socket.write("GET /slow-head HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n");
  const dripping = setInterval(() => socket.write("X-More: 1\r\n"), HEAD_TIMEOUT_MS / 10);
  const giveUp = setTimeout(() => socket.destroy(new Error("the server let it go on")), PATIENCE_MS);
  await new Promise((closed) => socket.once("close", closed));
  clearInterval(dripping);
  clearTimeout(giveUp);
  if (socket.errored?.message === "the server let it go on") throw socket.errored;
  return received;
}

/** The next page on a connection that is kept alive. */
async function page(socket: Socket): Promise<string> {
  const answer = new Channel<string>();
  let received = "";
  const onData = (chunk: Buffer): void => {
    received += chunk.toString("latin1");
    if (received.endsWith("http")) answer.push(received);
  };
  const onClose = (): void => answer.fail(new Error("the server ended the connection"));
  socket.on("data", onData).once("close", onClose);
  socket.write(PAGE);
  const text = await answer.next();
  socket.off("data", onData).off("close", onClose);
  return text;
}

/** A deadline on the whole handshake, from the first packet on. */
export function slowHandshakes(suite: Suite): void {
  const echo = { message: (connection: { send(data: string): boolean }, message: { text(): string }) => void connection.send(message.text()) };

  suite.it("ends connections that send nothing, half a line, or one header after the other, and serves a good client meanwhile", async () => {
    const server = await suite.serve("/slow-head", echo, {}, { headTimeoutMs: HEAD_TIMEOUT_MS });
    const slow = Promise.all([rawRequest(server.port, "", PATIENCE_MS), rawRequest(server.port, "GET /slow-he", PATIENCE_MS), trickle(server.port)]);
    const good = await server.connect("/slow-head");
    const [silent, half, trickled] = await slow;
    expect([silent, half.slice(0, 12)]).toEqual(["", "HTTP/1.1 408"]);
    // Behind a byte that comes too late, TCP may reset what was answered.
    if (trickled !== "") expect(trickled).toMatch(/^HTTP\/1\.1 408 /);
    good.sendText("still here");
    expect((await good.nextMessage()).text).toBe("still here");
  });

  suite.it("leaves an ordinary connection alone once its first request is there", async () => {
    const server = await suite.serve("/slow-head", echo, {}, { headTimeoutMs: HEAD_TIMEOUT_MS });
    const kept = await open(server.port);
    expect(await page(kept)).toMatch(/^HTTP\/1\.1 200 /);
    // Came later and is gone: more time has passed than the first request had.
    await rawRequest(server.port, "", PATIENCE_MS);
    expect(await page(kept)).toMatch(/^HTTP\/1\.1 200 /);
  });

  suite.route("/slow/route", echo, { handshakeTimeoutMs: 10 });
  suite.it("counts what middleware took into the deadline of the route, which is only known then", async () => {
    const client = await suite.connect("/slow/route");
    expect(client.status).toBe(408);
    await client.closed;
  });

  suite.it("gives up a handshake that middleware holds up", async () => {
    const server = await suite.serve("/slow/echo", echo, {}, { handshakeTimeoutMs: 10 });
    const client = await server.connect("/slow/echo");
    expect(client.status).toBe(408);
    await client.closed;
    expect(await page(await open(server.port))).toMatch(/^HTTP\/1\.1 200 /);
  });

  suite.it("tells the route of a handshake whose own check takes too long, once, whatever the check says later", async () => {
    let settle = (_answer: unknown): void => {};
    const refused: string[] = [];
    const server = await suite.serve("/slow-check", echo, {
      handshakeTimeoutMs: 10,
      authorize: () => new Promise((resolve) => (settle = resolve)),
      onReject: ({ code }) => void refused.push(code),
    });
    const client = await server.connect("/slow-check");
    expect(client.status).toBe(408);
    await client.closed;
    settle(refuse(403, "too late"));
    // A page goes the whole way behind what is left of the handshake.
    expect(await page(await open(server.port))).toMatch(/^HTTP\/1\.1 200 /);
    expect(refused).toEqual(["ERR_HANDSHAKE_TIMEOUT"]);
    expect(server.attachment.stats.refused).toEqual({ ERR_HANDSHAKE_TIMEOUT: 1 });
  });
}
