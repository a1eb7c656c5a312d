import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { finished } from "node:stream/promises";
import { setImmediate } from "node:timers/promises";
import { refuse, type UpgraderOptions } from "@upwire/core";
import { expect } from "vitest";
import { Channel } from "../channel.ts";
import type { Suite } from "./suite.ts";
import type { WireClient } from "../wire-client.ts";

interface Life {
  readonly events: readonly string[];
  readonly status: number;
  readonly res: ServerResponse;
}

interface Row {
  readonly title: string;
  readonly path: string;
  readonly status: number;
  /** Of the route there; without, there is none. */
  readonly options?: UpgraderOptions;
}

const HTTP_TIMEOUT_MS = 100;
/** What a limiter lets through at a time. */
const AT_A_TIME = 2;

/** What middleware hangs on the request, the response and the socket of an upgrade request, and how that ends. */
export function responseLife(suite: Suite): void {
  const echo = { message: (connection: { send(data: string): boolean }, message: { text(): string }) => void connection.send(message.text()) };

  /** The life of each response that middleware sees on `path`, once `close` came and `stream.finished` settled. */
  function watch(path: string): Channel<Life> {
    const lives = new Channel<Life>();
    suite.use(path, (_req, res) => {
      if (res === undefined) return;
      const events: string[] = [];
      const closed = new Promise((resolve) => res.once("close", resolve));
      for (const name of ["finish", "close"]) res.on(name, () => events.push(name));
      Promise.all([finished(res), closed]).then(
        () => lives.push({ events, status: res.statusCode, res }),
        (error: unknown) => lives.fail(error as Error),
      );
    });
    return lives;
  }

  const rows: readonly Row[] = [
    { title: "a 101", path: "/life/open", status: 101, options: {} },
    { title: "a refusal of the route", path: "/life/refused", status: 403, options: { authorize: () => refuse(403) } },
    { title: "a refusal of middleware", path: "/private/life", status: 401, options: {} },
    { title: "a page that is not there", path: "/life/missing", status: 404 },
  ];
  for (const { title, path, status, options } of rows) {
    if (options !== undefined) suite.route(path, echo, options);
    const lives = watch(path);
    suite.itIf("responseLife", `closes the response of ${title} once it has finished, and stream.finished settles`, async () => {
      const client = await suite.connect(path);
      expect(client.status).toBe(status);
      const life = await lives.next();
      // Frameworks that cannot say 101 said 204.
      expect([life.events, life.status === 204 ? 101 : life.status]).toEqual([["finish", "close"], status]);
      // Asked once it is over, too.
      await finished(life.res);
      if (status !== 101) return;
      client.sendText("still open");
      expect((await client.nextMessage()).text).toBe("still open");
    });
  }

  suite.route("/life/again", echo);
  let taken = 0;
  const freed = new Channel<number>();
  suite.use("/life/again", (_req, res) => {
    taken++;
    res?.once("close", () => freed.push(--taken));
  });
  suite.itIf("responseLife", "frees the slots of a limiter that counts responses until they close", async () => {
    for (let n = 0; n < AT_A_TIME * 2; n++) {
      const client = await suite.connect("/life/again");
      expect(client.status).toBe(101);
      expect(await freed.next()).toBeLessThan(AT_A_TIME);
    }
    expect(taken).toBe(0);
  });

  suite.route("/life/abandoned", echo, { authorize: () => new Promise<never>(() => {}), handshakeTimeoutMs: 60_000 });
  const abandoned = new Channel<true>();
  suite.use("/life/abandoned", (_req, res) => void res?.once("close", () => abandoned.push(true)));
  suite.itIf("responseLife", "closes the response of a client that leaves before it has its answer", async () => {
    const arrived = suite.nextRequest("/life/abandoned");
    const client = await suite.open("/life/abandoned");
    await arrived;
    client.reset();
    await abandoned.next();
  });

  suite.route("/life/idle", echo);
  suite.use("/life/idle", (req, res) => {
    const { socket } = req;
    socket.setTimeout(HTTP_TIMEOUT_MS, () => socket.destroy());
    req.setTimeout(HTTP_TIMEOUT_MS, () => req.destroy());
    res?.setTimeout(HTTP_TIMEOUT_MS, () => res.destroy());
  });
  async function expectIdle(client: WireClient): Promise<void> {
    expect(client.status).toBe(101);
    client.socket.setTimeout(HTTP_TIMEOUT_MS * 3);
    await Promise.race([once(client.socket, "timeout"), client.closed]);
    expect(client.socket.destroyed).toBe(false);
    client.sendText("still open");
    expect((await client.nextMessage()).text).toBe("still open");
  }

  suite.it("ends the timeouts that middleware set on the socket with the handshake", async () => {
    await expectIdle(await suite.connect("/life/idle"));
  });

  suite.it("ends the timeouts of the server with the handshake", async () => {
    const { server, connect } = await suite.serve("/life/idle", echo);
    server.setTimeout(HTTP_TIMEOUT_MS);
    server.keepAliveTimeout = HTTP_TIMEOUT_MS;
    await expectIdle(await connect("/life/idle"));
  });

  suite.it("calls back from server.close once the close hooks of all clients have settled", async () => {
    const steps: string[] = [];
    const { server, connect } = await suite.serve("/life/hooks", {
      close: async () => {
        for (let turn = 0; turn < 5; turn++) await setImmediate();
        steps.push("hook");
      },
    });
    for (let n = 0; n < 5; n++) await connect("/life/hooks");
    await new Promise<void>((closed) => void server.close(() => closed()));
    expect(steps).toHaveLength(5);
  });
}
