import { once } from "node:events";
import type { Server as HttpServer } from "node:http";
import { setImmediate, setTimeout as delay } from "node:timers/promises";
import { attach, websocket } from "@upwire/core";
import { WireClient } from "@upwire/testing";
import { createServer } from "node:http";
import { Server, type ServerOptions } from "socket.io";
import { io, type Socket } from "socket.io-client";
import { describe, expect, it, onTestFinished } from "vitest";
import { echo, expectOurs, fakeClock, handshake, HANDSHAKE_MS, listen, passDeadline, serverWithOurs } from "./beside.ts";

/** What an application asks elsewhere takes several turns of the event loop. */
async function askElsewhere(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await setImmediate();
}

type Configure = (socketIo: Server) => Partial<ServerOptions> | void;

const middlewares: readonly { readonly title: string; readonly options: Partial<ServerOptions>; readonly configure: Configure }[] = [
  { title: "no middleware", options: {}, configure: () => {} },
  {
    title: "async middleware on the engine",
    options: {},
    configure: (socketIo) => {
      socketIo.engine.use(async (_req: unknown, _res: unknown, next: () => void) => {
        await askElsewhere();
        next();
      });
    },
  },
  {
    title: "an async allowRequest",
    options: { allowRequest: (_req, decide) => void askElsewhere().then(() => decide(null, true)) },
    configure: () => {},
  },
];
const cases = middlewares.flatMap((middleware) => ["attach before Socket.IO", "Socket.IO before attach"].map((order) => ({ ...middleware, order })));

function socketIoOn(server: HttpServer, options: Partial<ServerOptions>, configure: Configure): Server {
  const socketIo = new Server(server, options);
  configure(socketIo);
  socketIo.on("connection", (socket) => socket.on("hello", (answer: (text: string) => void) => answer("theirs")));
  onTestFinished(() => socketIo.close());
  return socketIo;
}

async function connect(port: number, transport: "websocket" | "polling"): Promise<Socket> {
  const socket = io(`http://127.0.0.1:${port}`, {
    transports: transport === "polling" ? ["polling", "websocket"] : ["websocket"],
    reconnection: false,
    forceNew: true,
  });
  onTestFinished(() => void socket.disconnect());
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("connect_error", reject);
  });
  return socket;
}

const ask = async (socket: Socket): Promise<unknown> => socket.timeout(3000).emitWithAck("hello");

describe.each(cases)("Socket.IO with $title on the same server, $order", ({ options, configure, order }) => {
  async function serve() {
    const server = serverWithOurs();
    const clock = fakeClock();
    const attachUs = (): unknown => attach(server, { clock, handshakeTimeoutMs: HANDSHAKE_MS });
    if (order === "attach before Socket.IO") attachUs();
    socketIoOn(server, options, configure);
    if (order === "Socket.IO before attach") attachUs();
    return { port: await listen(server), clock };
  }

  it("connects its clients by WebSocket, which live past every deadline of ours, and serves our route", async () => {
    const { port, clock } = await serve();
    const socket = await connect(port, "websocket");
    expect(await ask(socket)).toBe("theirs");
    await passDeadline(clock);
    expect(await ask(socket)).toBe("theirs");
    expect(socket.connected).toBe(true);
    await expectOurs(port);
  });

  it("lets its clients change from polling to WebSocket", async () => {
    const { port, clock } = await serve();
    const socket = await connect(port, "polling");
    if (socket.io.engine.transport.name !== "websocket") await new Promise((resolve) => socket.io.engine.once("upgrade", resolve));
    await passDeadline(clock);
    expect(await ask(socket)).toBe("theirs");
    await expectOurs(port);
  });

  it("puts nothing of ours into the stream, by the byte", async () => {
    const { port, clock } = await serve();
    const client = await handshake(port, "/socket.io/?EIO=4&transport=websocket");
    expect(client.status).toBe(101);
    expect((await client.nextMessage()).text).toMatch(/^0\{"sid"/);
    await passDeadline(clock);
    client.sendText("40");
    expect((await client.nextMessage()).text).toMatch(/^40\{"sid"/);
  });
});

describe("destroyUpgrade of engine.io, which ends what has no answer after a second", () => {
  async function serve(options: Partial<ServerOptions>, authorizeMs: number): Promise<number> {
    const ours = websocket(echo, {
      authorize: async () => {
        await delay(authorizeMs);
        return true;
      },
    });
    const server = createServer((req, res) => void ours(req, res));
    attach(server);
    socketIoOn(server, options, () => {});
    return listen(server);
  }

  it("cuts a handshake of ours whose authorize takes longer", async () => {
    const client = await WireClient.open({ port: await serve({}, 3000), path: "/ours" });
    await expect(client.answered).rejects.toThrow("ended without an answer");
    await client.closed;
  });

  it("does not when it is switched off", async () => {
    await expectOurs(await serve({ destroyUpgrade: false }, 1200));
  });

  it("does not cut what has its answer in time", async () => {
    const port = await serve({ destroyUpgradeTimeout: 100 }, 0);
    const client = await handshake(port, "/ours");
    client.socket.setTimeout(300);
    await once(client.socket, "timeout");
    client.sendText("hello");
    expect((await client.nextMessage()).text).toBe("ours: hello");
  });
});
