import { setImmediate } from "node:timers/promises";
import { createHub, type CloseInfo, type Connection, type UpgraderOptions } from "@upwire/core";
import { expect } from "vitest";
import { Channel } from "../channel.ts";
import { encodeClientFrame, Opcode } from "../client-frame.ts";
import type { FaultProxy, ProxiedConnection } from "../faults/fault-proxy.ts";
import type { LinkFaults } from "../faults/link.ts";
import type { Suite } from "./suite.ts";
import type { WireClient } from "../wire-client.ts";

const KIBIBYTE = 1024;
const abnormal = { code: 1006, wasClean: false };

/** All ends of one connection through a bad network. */
interface Proxied {
  readonly client: WireClient;
  readonly link: ProxiedConnection;
  readonly connection: Connection;
}

/** What lies between a client and its server, and how it fails. */
export function networkFaults(suite: Suite): void {
  const closes = new Channel<CloseInfo>();
  const opens = new Channel<Connection>();
  const watch = (path: string, options: UpgraderOptions = {}): void => {
    suite.route(
      path,
      {
        open: (connection) => opens.push(connection),
        message: (connection, message) => void connection.send(message),
        close: (_connection, info) => closes.push(info),
      },
      options,
    );
  };
  watch("/net/echo");

  async function join(proxy: FaultProxy, path = "/net/echo", init: { readonly answersClose?: boolean } = {}): Promise<Proxied> {
    const client = await suite.connect(path, { port: proxy.port, ...init });
    return { client, link: await proxy.nextConnection(), connection: await opens.next() };
  }
  /** The next `bytes` reach the server, and then nothing more. */
  async function sendPart({ client, link }: Proxied, frame: Buffer, bytes: number): Promise<void> {
    link.set({ toServer: { cutAfterBytes: bytes } });
    client.sendRaw(frame);
    await link.toServer.cut();
  }
  const bytewise: LinkFaults = { packetBytes: 1 };
  const message = (size: number): Buffer => encodeClientFrame({ opcode: Opcode.binary, payload: Buffer.alloc(size, 7) });

  suite.fault("serves a client whose bytes come one at a time, handshake included", async (proxy) => {
    proxy.set({ toServer: bytewise, toClient: bytewise });
    const { client } = await join(proxy);
    const text = "é".repeat(KIBIBYTE);
    client.sendText(text);
    expect((await client.nextMessage()).text).toBe(text);
    await client.close(1000);
    expect(await closes.next()).toMatchObject({ code: 1000, wasClean: true });
  });

  suite.fault("echoes 200 KiB through a narrow network with small packets", async (proxy) => {
    const narrow: LinkFaults = { packetBytes: 1400, bytesPerSecond: 4 * KIBIBYTE * KIBIBYTE };
    proxy.set({ toServer: narrow, toClient: narrow });
    const { client } = await join(proxy);
    const sent = Buffer.alloc(200 * KIBIBYTE, "narrow");
    client.sendBinary(sent);
    expect((await client.nextMessage(8000)).bytes.equals(sent)).toBe(true);
    client.reset();
    await closes.next();
  });

  suite.fault("keeps the order on a slow network that suddenly is fast", async (proxy) => {
    proxy.set({ toServer: { delayMs: 30 }, toClient: { delayMs: 30 } });
    const { client, link } = await join(proxy);
    const sent = Array.from({ length: 40 }, (_, at) => `${at}`);
    for (const text of sent.slice(0, 20)) client.sendText(text);
    link.set({ toServer: {}, toClient: {} });
    for (const text of sent.slice(20)) client.sendText(text);
    const got: string[] = [];
    while (got.length < sent.length) got.push((await client.nextMessage()).text);
    expect(got).toEqual(sent);
    client.reset();
    await closes.next();
  });

  suite.fault("survives a reset in the middle of a handshake", async (proxy) => {
    proxy.set({ toServer: { cutAfterBytes: 60 } });
    const client = await suite.open("/net/echo", { port: proxy.port });
    const link = await proxy.nextConnection();
    await link.toServer.cut();
    link.reset();
    await client.closed;
    expect(opens.size).toBe(0);
  });

  suite.fault("survives a reset before its answer to the handshake arrives", async (proxy) => {
    proxy.set({ toClient: { isCut: true } });
    await suite.open("/net/echo", { port: proxy.port });
    const link = await proxy.nextConnection();
    await opens.next();
    link.reset();
    expect(await closes.next()).toMatchObject(abnormal);
  });

  for (const [where, size, bytes] of [
    ["between the two bytes of a frame's header", 10, 1],
    ["in the length of a frame", 300, 3],
    ["in the mask of a frame", 300, 6],
    ["in the payload of a frame", 300, 200],
  ] as const) {
    suite.fault(`reports a reset ${where} once, as 1006`, async (proxy) => {
      const proxied = await join(proxy);
      await sendPart(proxied, message(size), bytes);
      proxied.link.reset("server");
      expect(await closes.next()).toMatchObject(abnormal);
      expect([closes.size, opens.size]).toEqual([0, 0]);
    });
  }

  suite.fault("ends the connection when the client ends its side after half a frame", async (proxy) => {
    const proxied = await join(proxy);
    await sendPart(proxied, message(300), 100);
    // The server sees the end; the client has not ended anything, and sees that the server did.
    proxied.link.end("server");
    expect(await closes.next()).toMatchObject(abnormal);
    expect((await proxied.client.closed).code).toBe(1006);
  });

  const hub = createHub();
  suite.route("/net/room", {
    open(connection) {
      hub.add(connection);
      opens.push(connection);
    },
    close: (_connection, info) => closes.push(info),
  });
  suite.fault("sends a broadcast to all others, in order, while one of them is reset", async (proxy) => {
    const lost = await join(proxy, "/net/room");
    const good = await suite.connect("/net/room");
    await opens.next();
    lost.link.set({ toClient: { cutAfterBytes: 100 * KIBIBYTE } });
    const payload = "x".repeat(8 * KIBIBYTE);
    const sent = Array.from({ length: 60 }, (_, at) => `${at} ${payload}`);
    for (const [at, text] of sent.entries()) {
      hub.broadcast(text);
      if (at === 30) {
        await lost.link.toClient.cut();
        lost.link.reset("server");
      }
      await setImmediate();
    }
    for (const text of sent) expect((await good.nextMessage()).text).toBe(text);
    expect(await closes.next()).toMatchObject(abnormal);
    expect(hub.size).toBe(1);
    good.reset();
    await closes.next();
  });

  watch("/net/beating", { pingIntervalMs: 100, pongTimeoutMs: 200 });
  for (const [title, dead] of [
    ["that vanished", { toServer: { isCut: true }, toClient: { isCut: true } }],
    ["that nothing reaches any more", { toClient: { isCut: true } }],
    ["that nothing comes from any more", { toServer: { isCut: true } }],
  ] as const) {
    suite.fault(`finds a peer ${title} by its heartbeat, and not before`, async (proxy) => {
      const { client, link, connection } = await join(proxy, "/net/beating");
      for (let beats = 0; beats < 2; beats++) {
        const { opcode, payload } = await client.nextFrame();
        expect(opcode).toBe(Opcode.ping);
        client.sendFrame({ opcode: Opcode.pong, payload });
      }
      expect(connection.state).toBe("open");
      link.set(dead);
      expect(await closes.next()).toMatchObject(abnormal);
    });
  }

  watch("/net/closing", { closeTimeoutMs: 100 });
  suite.fault("ends a close handshake by itself when the network is cut", async (proxy) => {
    const { link, connection } = await join(proxy, "/net/closing");
    link.set({ toServer: { isCut: true } });
    connection.close(4000, "bye");
    expect(await closes.next()).toEqual({ code: 4000, reason: "bye", wasClean: false });
  });

  suite.fault("completes a close handshake over a slow network", async (proxy) => {
    const { client, link, connection } = await join(proxy);
    link.set({ toServer: { delayMs: 60, packetBytes: 1 }, toClient: { delayMs: 60, packetBytes: 1 } });
    connection.close(4000, "bye");
    expect(await client.closed).toEqual({ code: 4000, reason: "bye", wasReset: false });
    expect(await closes.next()).toEqual({ code: 4000, reason: "bye", wasClean: true });
  });

  suite.fault("goes on when a cut network is healed", async (proxy) => {
    const { client, link, connection } = await join(proxy);
    link.set({ toServer: { isCut: true }, toClient: { isCut: true } });
    client.sendText("from the client");
    connection.send("from the server");
    await suite.expectAlive();
    link.set({ toServer: {}, toClient: {} });
    expect([(await client.nextMessage()).text, (await client.nextMessage()).text]).toEqual(["from the server", "from the client"]);
    client.reset();
    await closes.next();
  });
}
