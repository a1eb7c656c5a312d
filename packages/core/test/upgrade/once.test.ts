import { once } from "node:events";
import { createServer, IncomingMessage, type IncomingHttpHeaders } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { attach, Upgrader, websocket, type UpgraderOptions } from "@upwire/core";
import { WireClient, type HandshakeInit } from "@upwire/testing";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { Decider } from "../../src/checks/decide.ts";
import { PendingHandshakes } from "../../src/upgrade/pending-handshakes.ts";

/** How often each header of the requests was read, other than by Node. */
type Reads = Record<string, number>;

/** A request class for `createServer` that counts the reads of its headers. */
function counting(reads: Reads): typeof IncomingMessage {
  class Counted extends IncomingMessage {}
  const { get: own } = Object.getOwnPropertyDescriptor(IncomingMessage.prototype, "headers") as {
    get: (this: IncomingMessage) => IncomingHttpHeaders;
  };
  Object.defineProperty(Counted.prototype, "headers", {
    get(this: IncomingMessage) {
      return new Proxy(own.call(this), {
        get(target, name: string) {
          reads[name] = (reads[name] ?? 0) + 1;
          return target[name];
        },
      });
    },
  });
  return Counted;
}

interface Counts {
  readonly upgradeTests: readonly [upgrade: number | undefined, connection: number | undefined];
  readonly offersRead: number | undefined;
  readonly deadlinesSet: number;
  readonly decisions: number;
}

/** What one handshake takes, from the connection to the `open` hook. */
async function countOne(options: UpgraderOptions, init: HandshakeInit, attachOptions = {}): Promise<Counts> {
  const reads: Reads = {};
  const server = createServer({ IncomingMessage: counting(reads) });
  let subprotocol: string | undefined;
  const route = websocket({ open: (connection) => void (subprotocol = connection.subprotocol) }, options);
  server.on("request", (req, res) => void route(req, res));
  attach(server, attachOptions);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const starts = vi.spyOn(PendingHandshakes.prototype, "start");
  const adds = vi.spyOn(PendingHandshakes.prototype, "add");
  const moves = vi.spyOn(PendingHandshakes.prototype, "move");
  const decisions = vi.spyOn(Decider.prototype, "decide");
  onTestFinished(() => void vi.restoreAllMocks());
  const client = await WireClient.connect({ port: (server.address() as AddressInfo).port, ...init });
  onTestFinished(() => client.end());
  expect(subprotocol).toBe(options.subprotocols === undefined ? "" : "b");
  return {
    upgradeTests: [reads["upgrade"], reads["connection"]],
    offersRead: reads["sec-websocket-protocol"],
    deadlinesSet: starts.mock.calls.length + adds.mock.calls.length + moves.mock.calls.length,
    decisions: decisions.mock.calls.length,
  };
}

const ONCE: Counts = { upgradeTests: [1, 1], offersRead: 1, deadlinesSet: 1, decisions: 1 };

describe("one handshake takes one deadline, one parse of the subprotocols, one upgrade test and one decision", () => {
  it.each<[string, UpgraderOptions, HandshakeInit]>([
    ["with the defaults", {}, {}],
    [
      "with the lists of a browser and a choice of subprotocols",
      { subprotocols: ["b"] },
      { headers: { Connection: "keep-alive, Upgrade", "Sec-WebSocket-Protocol": "a, b" } },
    ],
    ["with checks that answer later", { origin: async () => true, authorize: async () => "ann" }, {}],
  ])("%s", async (_name, options, init) => {
    expect(await countOne(options, init)).toEqual(ONCE);
  });

  it("and a second deadline only where the route has another time than the server", async () => {
    expect(await countOne({ handshakeTimeoutMs: 5000 }, {})).toEqual({ ...ONCE, deadlinesSet: 2 });
    vi.restoreAllMocks();
    expect(await countOne({ handshakeTimeoutMs: 5000 }, {}, { handshakeTimeoutMs: 5000 })).toEqual(ONCE);
  });
});

describe("what did not come through attach is checked in full", () => {
  it.each([
    ["another protocol", "GET /ws HTTP/1.1", "Upgrade: h2c", "ERR_UPGRADE_STRIPPED"],
    ["a target that is none of a GET", "GET *ws HTTP/1.1", "Upgrade: websocket", "ERR_TARGET"],
    ["another method", "POST /ws HTTP/1.1", "Upgrade: websocket", "ERR_METHOD"],
  ])("%s", async (_name, start, upgrade, code) => {
    const upgrader = new Upgrader();
    const server = createServer();
    const decided = new Promise((resolve) => {
      server.on("upgrade", (req, socket) => {
        socket.on("error", () => {});
        resolve(upgrader.decide(req));
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    socket.write(
      `${start}\r\nHost: a\r\n${upgrade}\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    );
    expect(await decided).toMatchObject({ ok: false, code });
  });
});
