import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { attach, refuse, Upgrader, type UpgraderOptions } from "@upwire/core";
import { accept, check, handOverTo } from "@upwire/core/adapter";
import * as fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket, WebSocketServer, type ClientOptions } from "ws";
import { addressKey, Admission, type Slot } from "../../src/checks/admission.ts";
import { closing, serve } from "../helpers/served.ts";

const off = { maxConnections: undefined, maxConnectionsPerAddress: undefined };

/** The client when it was let in, else the answer that it got. */
function knock(port: number, options: ClientOptions = {}): Promise<WebSocket | IncomingMessage> {
  const client = new WebSocket(`ws://127.0.0.1:${port}/`, options);
  return new Promise((resolve, reject) => {
    client.once("open", () => resolve(client));
    client.once("unexpected-response", (_req, res) => resolve(res.resume()));
    client.once("error", reject);
  });
}

async function statuses(knocks: Iterable<Promise<WebSocket | IncomingMessage>>): Promise<number[]> {
  const answers = await Promise.all(knocks);
  return answers.map((answer) => (answer instanceof WebSocket ? 101 : (answer.statusCode ?? 0))).toSorted((a, b) => a - b);
}

/** Knocks until it is let in; fails when that takes a second. */
async function comeIn(port: number, options?: ClientOptions): Promise<WebSocket> {
  for (let i = 0; i < 100; i++) {
    const answer = await knock(port, options);
    if (answer instanceof WebSocket) return answer;
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
  }
  throw new Error("the slot was not freed");
}

async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

describe("one address", () => {
  it.each([
    ["1.2.3.4", "1.2.3.4"],
    ["::ffff:1.2.3.4", "1.2.3.4"],
    ["::ffff:102:304", "1.2.3.4"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
    ["2001:DB8:1:2::", "2001:db8:1:2"],
    ["2001:db8::1", "2001:db8:0:0"],
    ["2001:db8:0:0:1::", "2001:db8:0:0"],
    ["2001::1:2:3:4:5", "2001:0:0:1"],
    ["1:2:3::4:5:6:7", "1:2:3:0"],
    ["::", "0:0:0:0"],
    ["::1", "0:0:0:0"],
    ["::1.2.3.4", "0:0:0:0"],
    ["64:ff9b::1.2.3.4", "64:ff9b:0:0"],
    ["fe80::1%eth0", "fe80:0:0:0"],
    ["unknown", "unknown"],
  ])("%s counts as %s", (ip, key) => {
    expect(addressKey(ip)).toBe(key);
  });

  it("is the same for all of a /64 and another outside (property)", () => {
    const group = fc.integer({ min: 0, max: 0xffff }).map((n) => n.toString(16));
    const half = fc.array(fc.oneof(fc.constant("0"), group), { minLength: 4, maxLength: 4 }).map((groups) => groups.join(":"));
    fc.assert(
      fc.property(half, half, half, (network, a, b) => {
        fc.pre(!network.startsWith("0:0:0:0"));
        expect(addressKey(`${network}:${a}`)).toBe(network);
        expect(addressKey(`${network}:${b}`)).toBe(network);
      }),
    );
  });
});

describe("slots", () => {
  it("cap all, and each address", () => {
    const admission = new Admission({ maxConnections: 3, maxConnectionsPerAddress: 2 });
    const first = admission.take("1.1.1.1") as Slot;
    admission.take("::ffff:1.1.1.1");
    expect(admission.take("1.1.1.1")).toBe("ERR_TOO_MANY_FROM_ADDRESS");
    admission.take("2001:db8::1");
    expect(admission.take("2.2.2.2")).toBe("ERR_TOO_MANY_CONNECTIONS");
    expect(admission.take("1.1.1.1")).toBe("ERR_TOO_MANY_FROM_ADDRESS");
    first.free();
    first.free();
    expect([admission.count, admission.take("2001:db8::2"), admission.take("1.1.1.1")]).toEqual([2, expect.anything(), "ERR_TOO_MANY_CONNECTIONS"]);
  });

  it("are not limited by default", () => {
    const admission = new Admission(off);
    for (let i = 0; i < 10_000; i++) expect(typeof admission.take("1.1.1.1")).toBe("object");
    expect([admission.count, admission.addresses]).toEqual([10_000, 0]);
  });

  it("never drift from a model in 10,000 random steps (property)", () => {
    const addresses = ["1.1.1.1", "::ffff:1.1.1.1", "2.2.2.2", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "unknown"];
    const step = fc.record({ address: fc.constantFrom(...addresses), at: fc.nat(), frees: fc.integer({ min: 0, max: 2 }) });
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 10_000, maxLength: 10_000 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 6 }),
        (steps, all, each) => {
          const admission = new Admission({ maxConnections: all, maxConnectionsPerAddress: each });
          const held: { readonly key: string; readonly slot: Slot }[] = [];
          const past: Slot[] = [];
          for (const { address, at, frees } of steps) {
            if (at % 2 === 0) {
              const key = addressKey(address);
              const mine = held.filter((one) => one.key === key).length;
              const expected = mine >= each ? "ERR_TOO_MANY_FROM_ADDRESS" : held.length >= all ? "ERR_TOO_MANY_CONNECTIONS" : undefined;
              const slot = admission.take(address);
              if (typeof slot !== "string") held.push({ key, slot });
              if ((typeof slot === "string" ? slot : undefined) !== expected) throw new Error(`${JSON.stringify(slot)}, not ${expected}`);
            } else if (held.length > 0) {
              const [gone] = held.splice(at % held.length, 1);
              for (let i = 0; i <= frees; i++) gone?.slot.free();
              if (gone !== undefined) past.push(gone.slot);
            }
            // A late second `free` of one that is long gone.
            past[at % Math.max(1, past.length)]?.free();
            if (admission.count !== held.length) throw new Error(`${admission.count} of ${held.length}`);
          }
          expect(admission.addresses).toBe(new Set(held.map(({ key }) => key)).size);
          for (const { slot } of held) slot.free();
          expect([admission.count, admission.addresses]).toEqual([0, 0]);
        },
      ),
      { numRuns: 5 },
    );
  });
});

describe("the options", () => {
  it.each([0, -1, 1.5, Number.NaN, Infinity, "10" as never, null as never])("%j is no cap", (cap) => {
    expect(() => new Upgrader({ maxConnections: cap })).toThrow(RangeError);
    expect(() => new Upgrader({ maxConnectionsPerAddress: cap })).toThrow(RangeError);
  });
});

describe("through a real server", () => {
  it("opens exactly the cap per address, refuses the rest with 429, and uses freed slots again", async () => {
    const codes: string[] = [];
    const served = await serve(undefined, { maxConnectionsPerAddress: 10, onReject: ({ code }) => void codes.push(code) });
    const answers = await Promise.all(Array.from({ length: 30 }, () => knock(served.port)));
    const clients = answers.filter((answer) => answer instanceof WebSocket);
    const refused = answers.filter((answer): answer is IncomingMessage => !(answer instanceof WebSocket));
    expect([clients.length, served.attachment.count]).toEqual([10, 10]);
    expect(refused.map(({ statusCode, headers }) => [statusCode, headers["retry-after"]])).toEqual(Array.from({ length: 20 }, () => [429, "5"]));
    expect(codes).toEqual(Array.from({ length: 20 }, () => "ERR_TOO_MANY_FROM_ADDRESS"));
    const left = clients.map((client, i) => {
      const closed = closing(client);
      if (i % 2 === 0) client.close();
      else client.terminate();
      return closed;
    });
    await Promise.all(left);
    for (let i = 0; i < 10; i++) await comeIn(served.port);
    expect(await statuses([knock(served.port)])).toEqual([429]);
  });

  it("refuses over the total with 503, and counts each Upgrader by itself", async () => {
    const [one, other] = [await serve(undefined, { maxConnections: 2 }), await serve(undefined, { maxConnections: 1 })];
    expect(await statuses(Array.from({ length: 4 }, () => knock(one.port)))).toEqual([101, 101, 503, 503]);
    const refused = (await knock(one.port)) as IncomingMessage;
    expect(refused.headers["retry-after"]).toBe("5");
    expect(await statuses([knock(other.port), knock(other.port)])).toEqual([101, 503]);
  });

  it("counts by the client's address behind a trusted proxy, IPv6 per /64", async () => {
    const served = await serve(undefined, { trustProxy: 1, maxConnectionsPerAddress: 1 });
    const from = (ip: string): Promise<WebSocket | IncomingMessage> => knock(served.port, { headers: { "X-Forwarded-For": `9.9.9.9, ${ip}` } });
    expect(await statuses([from("1.1.1.1"), from("2.2.2.2"), from("2001:db8::1")])).toEqual([101, 101, 101]);
    expect(await statuses([from("1.1.1.1"), from("2001:db8::ffff"), from("2001:db8:0:1::1")])).toEqual([101, 429, 429]);
  });

  it("counts a slow authorize, but not a foreign origin", async () => {
    const waiting: ((context: object) => void)[] = [];
    const served = await serve(undefined, { maxConnections: 1, authorize: () => new Promise<object>((resolve) => waiting.push(resolve)) });
    const slow = new WebSocket(`ws://127.0.0.1:${served.port}/`);
    slow.on("error", () => {});
    await until(() => waiting.length === 1);
    expect(await statuses([knock(served.port), knock(served.port, { origin: "https://evil.example" })])).toEqual([403, 503]);
    // It leaves, but may be seen to only after `authorize` has answered.
    slow.terminate();
    waiting[0]?.({});
    const next = comeIn(served.port);
    await until(() => waiting.length === 2);
    waiting[0]?.({});
    expect(await statuses([knock(served.port)])).toEqual([503]);
    waiting[1]?.({});
    await next;
    expect(await statuses([knock(served.port)])).toEqual([503]);
  });

  it("frees the slot of a handshake that took too long", async () => {
    let asked = 0;
    const served = await serve(undefined, {
      maxConnections: 1,
      handshakeTimeoutMs: 100,
      authorize: () => (++asked === 1 ? new Promise<object>(() => {}) : {}),
    });
    expect(await statuses([knock(served.port), knock(served.port)])).toEqual([408, 503]);
    await comeIn(served.port);
    expect(await statuses([knock(served.port)])).toEqual([503]);
  });

  it("gives no slot to a client that was gone before the origin check had an answer", async () => {
    let asked = 0;
    let answer: ((isAllowed: boolean) => void) | undefined;
    const origin = (): boolean | Promise<boolean> => ++asked > 1 || new Promise<boolean>((resolve) => (answer = resolve));
    const served = await serve(undefined, { maxConnections: 1, handshakeTimeoutMs: 100, origin });
    expect(await statuses([knock(served.port)])).toEqual([408]);
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
    answer?.(true);
    await comeIn(served.port);
    expect(await statuses([knock(served.port)])).toEqual([503]);
  });

  it.each<[string, UpgraderOptions, number]>([
    ["returns a refusal", { authorize: ({ query }) => (query.has("in") ? {} : refuse(401)) }, 401],
    ["throws", { authorize: () => Promise.reject(new Error("down")), onError: () => {} }, 500],
    ["picks headers that cannot be sent", { headers: () => ({ "x-a": "a\nb" }), onError: () => {} }, 500],
  ])("frees the slot when authorize %s", async (_name, options, status) => {
    const served = await serve(undefined, { ...options, maxConnections: 1, maxConnectionsPerAddress: 1 });
    for (let i = 0; i < 5; i++) expect(await statuses([knock(served.port)])).toEqual([status]);
  });

  it("frees the slot of a request that is answered otherwise after it was approved", async () => {
    const upgrader = new Upgrader({ maxConnections: 1 });
    const server = createServer((req, res) => {
      void upgrader.answer(req, {}).then((answer) => res.writeHead(req.headers["x-way"] === "in" ? answer.status : 418).end());
    });
    attach(server);
    const port = await listening(server);
    for (let i = 0; i < 3; i++) {
      const answer = (await knock(port)) as IncomingMessage;
      expect([418, 503]).toContain(answer.statusCode);
    }
    (await comeIn(port, { headers: { "x-way": "in" } })).terminate();
  });

  it("frees the slot where nobody called attach", async () => {
    const upgrader = new Upgrader({ maxConnections: 1 });
    const server = createServer((req, res) => void upgrader.upgrade(req, res));
    const port = await listening(server);
    for (let i = 0; i < 3; i++) expect(await statuses([knock(port)])).toEqual([500]);
  });

  it("counts check and accept as one, and frees what was checked and never accepted", async () => {
    const upgrader = new Upgrader({ maxConnections: 2 });
    const plugin = new WebSocketServer({ noServer: true });
    const server = createServer();
    const attachment = attach(server, {
      handOver: handOverTo(async (req, socket, head) => {
        const { status } = await check(upgrader, req);
        const instead = status === 101 && req.headers["x-way"] === "forget" ? 418 : status;
        if (instead === 101) plugin.handleUpgrade(req, socket, head, (ws) => void accept(upgrader, ws, req));
        else socket.end(`HTTP/1.1 ${instead} No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      }),
    });
    const port = await listening(server);
    onTestFinished(() => attachment.close({ graceMs: 100 }));
    const [first] = [await comeIn(port), await comeIn(port)];
    expect(await statuses([knock(port)])).toEqual([503]);
    first.close();
    await closing(first);
    for (let i = 0; i < 5; i++) {
      // Its slot is free as soon as the socket is closed, a moment after the client has its answer.
      const answer = await knock(port, { headers: { "x-way": "forget" } });
      expect([418, 503]).toContain((answer as IncomingMessage).statusCode);
    }
    await comeIn(port);
    expect(await statuses([knock(port)])).toEqual([503]);
  });

  it("accept alone takes a slot, or closes with 1008", async () => {
    const upgrader = new Upgrader({ maxConnections: 1 });
    const server = createServer();
    const plugin = new WebSocketServer({ server });
    plugin.on("connection", (ws, req) => void accept(upgrader, ws, req));
    const port = await listening(server);
    await comeIn(port);
    const second = await comeIn(port);
    expect(await closing(second)).toEqual({ code: 1008, reason: "ERR_TOO_MANY_CONNECTIONS" });
    for (const ws of plugin.clients) ws.terminate();
  });
});

async function until(isSo: () => boolean): Promise<void> {
  const giveUp = Date.now() + 2000;
  while (!isSo()) {
    if (Date.now() > giveUp) throw new Error("it never came to be");
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}
