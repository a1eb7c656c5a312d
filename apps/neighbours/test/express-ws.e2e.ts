import { createServer } from "node:http";
import { attach, websocket } from "@upwire/core";
import express from "express";
import expressWs from "express-ws";
import { describe, expect, it } from "vitest";
import { echo, fakeClock, handshake, HANDSHAKE_MS, listen, passDeadline } from "./beside.ts";

describe.each(["attach before express-ws", "express-ws before attach"])("express-ws on the same server, %s", (order) => {
  async function serve() {
    const app = express();
    const server = createServer(app);
    const clock = fakeClock();
    const attachUs = (): unknown => attach(server, { clock, handshakeTimeoutMs: HANDSHAKE_MS });
    if (order === "attach before express-ws") attachUs();
    const patched = expressWs(app, server).app;
    if (order === "express-ws before attach") attachUs();
    patched.ws("/theirs", (ws) => void ws.on("message", (data) => ws.send(`theirs: ${(data as Buffer).toString()}`)));
    const ours = websocket(echo);
    app.get("/ours", (req, res) => void ours(req, res));
    return { port: await listen(server), clock };
  }

  it("leaves its WebSockets alone, past every deadline of ours", async () => {
    const { port, clock } = await serve();
    const client = await handshake(port, "/theirs");
    expect(client.status).toBe(101);
    client.sendText("hello");
    expect((await client.nextMessage()).text).toBe("theirs: hello");
    await passDeadline(clock);
    client.sendText("again");
    expect((await client.nextMessage()).text).toBe("theirs: again");
  });

  // It answers every handshake of the server with 101 before it looks for a route.
  it("writes nothing where express-ws took a handshake for our route: it gets one 101 and a close frame", async () => {
    const { port, clock } = await serve();
    const client = await handshake(port, "/ours");
    expect(client.status).toBe(101);
    expect((await client.closed).code).toBe(1005);
    await passDeadline(clock);
  });
});
