import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { attach } from "@upwire/core";
import { WireClient } from "@upwire/testing";
import { createProxyMiddleware } from "http-proxy-middleware";
import { Server } from "socket.io";
import { io } from "socket.io-client";
import { describe, expect, it, onTestFinished } from "vitest";
import { startApp, variants } from "./apps.ts";
import { fakeClock, handshake, HANDSHAKE_MS, listen, passDeadline, serverWithOurs } from "./beside.ts";

/** One library that asks elsewhere first and one that never looks at what others do, beside each way we have to upgrade. */
describe.each(variants)("other libraries on the server of %s", (variant) => {
  async function start() {
    const clock = fakeClock();
    return { clock, ...(await startApp(variant, { attached: { clock, handshakeTimeoutMs: HANDSHAKE_MS, headTimeoutMs: 0 } })) };
  }

  async function expectEcho(port: number): Promise<WireClient> {
    const client = await handshake(port, "/ws");
    expect(client.status).toBe(101);
    client.sendText("hello");
    expect((await client.nextMessage()).text).toBe("hello");
    return client;
  }

  it("are Socket.IO with async middleware: its clients and ours live on", async () => {
    const { server, port, clock } = await start();
    const socketIo = new Server(server);
    onTestFinished(() => socketIo.close());
    socketIo.engine.use(async (_req: unknown, _res: unknown, next: () => void) => {
      for (let turn = 0; turn < 5; turn++) await setImmediate();
      next();
    });
    socketIo.on("connection", (socket) => socket.on("hello", (answer: (text: string) => void) => answer("theirs")));
    const ours = await expectEcho(port);
    const theirs = io(`http://127.0.0.1:${port}`, { transports: ["websocket"], reconnection: false, forceNew: true });
    onTestFinished(() => void theirs.disconnect());
    await new Promise<void>((resolve, reject) => {
      theirs.once("connect", resolve);
      theirs.once("connect_error", reject);
    });
    await passDeadline(clock);
    expect(await theirs.timeout(3000).emitWithAck("hello")).toBe("theirs");
    ours.sendText("again");
    expect((await ours.nextMessage()).text).toBe("again");
  });

  it("are a proxy for one path: its clients and ours live on, and what is neither gets the 404 of the application", async () => {
    const { server, port, clock } = await start();
    const other = serverWithOurs();
    attach(other);
    const proxy = createProxyMiddleware({ target: `http://127.0.0.1:${await listen(other)}`, pathFilter: "/ours" });
    server.on("upgrade", proxy.upgrade as unknown as Parameters<typeof server.on>[1]);
    const theirs = await handshake(port, "/ours");
    expect(theirs.status).toBe(101);
    const ours = await expectEcho(port);
    await passDeadline(clock);
    theirs.sendText("hello");
    expect((await theirs.nextMessage()).text).toBe("ours: hello");
    ours.sendText("again");
    expect((await ours.nextMessage()).text).toBe("again");

    const arrived = once(server, "upgrade");
    const missing = await WireClient.open({ port, path: "/missing" });
    await arrived;
    for (let turn = 0; turn < 20; turn++) await setImmediate();
    clock.advance(HANDSHAKE_MS * 2);
    expect((await missing.answered).status).toBe(404);
    await missing.closed;
  });
});
