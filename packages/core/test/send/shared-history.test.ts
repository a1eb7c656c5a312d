import { once } from "node:events";
import { createHub, PreparedMessage, Upgrader, type Hub, type SlowConsumerPolicy, type UpgraderOptions } from "@upwire/core";
import { describe, expect, it } from "vitest";
import type { Deflate } from "../../src/wire/prepared-message.ts";
import { Broadcast, forgetWindow, Histories, type Recipient } from "../../src/send/shared-history.ts";
import { jsonMessages } from "../helpers/json-messages.ts";
import { nextTexts, serve } from "../helpers/served.ts";
import { openSocket, read, settled, type OpenedSocket } from "../helpers/wire-clients.ts";

const SHARED: UpgraderOptions = { compression: { sharedHistory: true } };
const PMD = "permessage-deflate";
const NO_SERVER = "server_no_context_takeover";
const NO_CLIENT = "client_no_context_takeover";

describe("agreeing on a shared history", () => {
  it.each([
    [PMD, `${PMD}; ${NO_CLIENT}`],
    [`${PMD}; client_max_window_bits`, `${PMD}; ${NO_CLIENT}`],
    [`${PMD}; ${NO_CLIENT}; client_max_window_bits=10`, `${PMD}; ${NO_CLIENT}`],
    [`${PMD}; server_max_window_bits=15`, `${PMD}; ${NO_CLIENT}; server_max_window_bits=15`],
    [`${PMD}; server_max_window_bits=12`, `${PMD}; ${NO_CLIENT}; server_max_window_bits=12`],
    [`${PMD}; ${NO_SERVER}`, `${PMD}; ${NO_SERVER}; ${NO_CLIENT}`],
    [`${PMD}; ${NO_SERVER}; server_max_window_bits=9`, `${PMD}; ${NO_SERVER}; ${NO_CLIENT}; server_max_window_bits=9`],
    [`${PMD}; server_max_window_bits=8, ${PMD}; ${NO_SERVER}`, `${PMD}; ${NO_SERVER}; ${NO_CLIENT}`],
    ["x-unknown", ""],
    [undefined, ""],
  ])("%s gives %s", async (offer, answer) => {
    const { socket, extensions } = await openSocket(new Upgrader(SHARED), offer);
    expect(extensions).toBe(answer);
    socket.destroy();
  });

  it.each<[SlowConsumerPolicy, boolean]>([
    ["close", true],
    ["drop-newest", true],
    ["drop-oldest", false],
    ["keep-latest", false],
    ["pause", false],
  ])("with slowConsumer %s: %s", async (slowConsumer, sharesHistory) => {
    const { socket, extensions } = await openSocket(new Upgrader({ ...SHARED, slowConsumer }), PMD);
    expect(extensions.includes(NO_SERVER)).toBe(!sharesHistory);
    socket.destroy();
  });
});

/** Clients without a socket, and a deflate that says what it was asked for. */
class Audience {
  /** For each deflate: the length of the history that it was given. */
  readonly deflates: number[] = [];
  readonly #deflate: Deflate;
  readonly #histories = new Histories();

  constructor() {
    this.#deflate = {
      key: "k",
      sharesHistory: true,
      thresholdBytes: 0,
      compress: (payload, history) => {
        this.deflates.push(history?.byteLength ?? -1);
        return payload.byteLength < 10 ? undefined : Buffer.from("z");
      },
    };
  }

  client(size = 1): Recipient {
    return { deflate: this.#deflate, size, windowEnd: undefined };
  }

  /** @returns how the clients get it: `K`eyframe, with `R`eferences, or `p`lain, in their order. */
  send(clients: readonly Recipient[], text = "0123456789"): string {
    const message = new PreparedMessage(text);
    const broadcast = new Broadcast(message, this.#histories);
    return clients
      .map((client) => {
        const isCompressed = broadcast.frameFor(client) !== message.frame();
        return isCompressed ? (broadcast.isKeyframeFor(client) ? "K" : "R") : "p";
      })
      .join("");
  }
}

describe("a history", () => {
  it("begins with a message that everybody can read, and refers to what all have got from then on", () => {
    const audience = new Audience();
    const clients = [audience.client(), audience.client(), audience.client()];
    expect([1, 2, 3].map(() => audience.send(clients))).toEqual(["KKK", "RRR", "RRR"]);
    expect(audience.deflates).toEqual([0, 10, 20]);
  });

  it("refers to 4 KiB at most, whatever was sent", () => {
    const audience = new Audience();
    const clients = [audience.client()];
    for (const length of [3000, 3000, 10, 9000, 10]) audience.send(clients, "x".repeat(length));
    expect(audience.deflates).toEqual([0, 3000, 4096, 4096, 4096]);
  });

  it("takes newcomers along when as many messages went to them as there are others", () => {
    const audience = new Audience();
    const clients = [audience.client(), audience.client(), audience.client()];
    audience.send(clients);
    clients.push(audience.client());
    expect([1, 2, 3, 4, 5].map(() => audience.send(clients))).toEqual(["RRRp", "RRRp", "RRRp", "KKKK", "RRRR"]);
    const many = [...clients, audience.client(3)];
    expect([1, 2, 3, 4].map(() => audience.send(many))).toEqual(["RRRRp", "RRRRp", "KKKKK", "RRRRR"]);
  });

  it("is of no use to one who missed a message of it", () => {
    const audience = new Audience();
    const clients = [audience.client(), audience.client(), audience.client()];
    audience.send(clients);
    audience.send(clients.slice(1));
    expect(audience.send(clients)).toBe("pRR");
  });

  it("does not change with messages that are not compressed", () => {
    const audience = new Audience();
    const clients = [audience.client(), audience.client()];
    expect(audience.send(clients, "short")).toBe("pp");
    audience.send(clients);
    expect([audience.send(clients, "short"), audience.send(clients)]).toEqual(["pp", "RR"]);
    expect(audience.deflates).toEqual([0, 0, 10, 10]);
  });

  it("costs nobody more than a message without references where clients are in several audiences", () => {
    const [one, other] = [new Audience(), new Audience()];
    const clients = [one.client(), one.client(), one.client()];
    expect([1, 2, 3].map(() => one.send(clients) + other.send(clients))).toEqual(["KKKKKK", "KKKKKK", "KKKKKK"]);
    expect([1, 2].map(() => one.send(clients))).toEqual(["KKK", "RRR"]);
  });

  it("does not wait for the sake of clients that are gone", () => {
    const audience = new Audience();
    const [stays, ...leave] = [audience.client(), audience.client(), audience.client()] as const;
    audience.send([stays, ...leave]);
    for (const client of leave) forgetWindow(client);
    const newcomer = audience.client();
    expect([1, 2].map(() => audience.send([stays, newcomer]))).toEqual(["Rp", "KK"]);
  });

  it("deflates once for each message, whoever gets it, and never for one client", () => {
    const audience = new Audience();
    const clients = [audience.client(), audience.client(100), audience.client()];
    for (let i = 0; i < 10; i++) {
      audience.send(clients);
      clients.push(audience.client());
    }
    expect(audience.deflates.length).toBe(10);
    const [client] = clients;
    const message = new PreparedMessage("only for one client");
    expect(message.frame(client?.deflate)).toBe(message.frame());
    expect(audience.deflates.length).toBe(10);
  });
});

describe("on the wire", () => {
  async function connect(options: UpgraderOptions, count: number, hub: Hub): Promise<OpenedSocket[]> {
    const upgrader = new Upgrader(options);
    const clients: OpenedSocket[] = [];
    for (let i = 0; i < count; i++) {
      const client = await openSocket(upgrader, PMD);
      hub.add(client.connection);
      clients.push(client);
    }
    return clients;
  }

  /**
   * Bytes of all that 20 clients got of `messages`. @param what `comings`: a new client with every tenth message, and one that
   * is left out of every fifth. `pings`: each gets frames of its own between messages.
   */
  async function bytesOf(options: UpgraderOptions, messages: readonly string[], what: "nothing" | "pings" | "comings"): Promise<number> {
    const hub = createHub();
    const clients = await connect(options, 20, hub);
    const owed = clients.map((): string[] => []);
    for (const [number, message] of messages.entries()) {
      if (what === "pings") for (const { connection } of clients) connection.ping();
      if (what === "comings" && number % 10 === 9) {
        clients.push(...(await connect(options, 1, hub)));
        owed.push([]);
      }
      const left = what === "comings" && number % 5 === 0 ? clients[number % clients.length] : undefined;
      hub.broadcast(message, { except: left?.connection });
      for (const [at, client] of clients.entries()) if (client !== left) owed[at]?.push(message);
      await settled(clients);
    }
    expect(clients.map((client) => read(client).filter((item) => item !== "ping "))).toEqual(owed);
    for (const { socket } of clients) socket.destroy();
    return clients.reduce((sum, { socket }) => sum + Buffer.concat(socket.written).byteLength, 0);
  }

  it.each([
    ["nothing", 0.6],
    ["pings", 0.6],
    ["comings", 0.8],
  ] as const)("JSON is shorter than if it were compressed message by message, with %s in between", async (what, most) => {
    const messages = jsonMessages(200);
    const [shared, single] = [await bytesOf(SHARED, messages, what), await bytesOf({ compression: { thresholdBytes: 64 } }, messages, what)];
    expect(shared / single).toBeLessThan(most);
  });

  it("two rooms of the same clients take no more than messages that are compressed one by one", async () => {
    const bytesIn = async (options: UpgraderOptions): Promise<number> => {
      const hub = createHub();
      const clients = await connect(options, 12, hub);
      for (const { connection } of clients) for (const room of ["r", "s"]) hub.room(room).add(connection);
      for (const [number, message] of jsonMessages(60).entries()) hub.room(number % 2 === 0 ? "r" : "s").broadcast(message);
      await settled(clients);
      for (const { socket } of clients) socket.destroy();
      return clients.reduce((sum, { socket }) => sum + Buffer.concat(socket.written).byteLength, 0);
    };
    expect(await bytesIn(SHARED)).toBeLessThanOrEqual((await bytesIn({ compression: { thresholdBytes: 64 } })) * 1.01);
  });

  it("a client that is blocked gets what the others get", async () => {
    const hub = createHub();
    const clients = await connect(SHARED, 10, hub);
    const [slow, ...others] = clients;
    const messages = jsonMessages(40);
    for (const [number, message] of messages.entries()) {
      if (slow !== undefined) slow.socket.isTaking = number < 5;
      hub.broadcast(message);
      await settled(others);
    }
    await settled(clients);
    expect(new Set(clients.map(({ socket }) => Buffer.concat(socket.written).toString("hex"))).size).toBe(1);
    for (const client of clients) {
      expect(read(client)).toEqual(messages);
      client.socket.destroy();
    }
  });

  it("a newcomer does not wait for the sake of clients that are gone", async () => {
    const hub = createHub();
    const clients = await connect(SHARED, 10, hub);
    const [first = "", second = "", third = ""] = jsonMessages(3);
    hub.broadcast(first);
    const [newcomer] = await connect(SHARED, 1, hub);
    hub.broadcast(second);
    for (const { socket } of clients.splice(1)) {
      socket.destroy();
      await once(socket, "close");
    }
    const written = newcomer?.socket.written ?? [];
    await settled(newcomer === undefined ? [] : [newcomer]);
    expect(written.map((frame) => frame[0])).toEqual([0x81]);
    hub.broadcast(third);
    await settled(newcomer === undefined ? [] : [newcomer]);
    expect(written.map((frame) => frame[0])).toEqual([0x81, 0xc1]);
  });

  it("a client whose queue was full for a while goes on with plain messages", async () => {
    const hub = createHub();
    const clients = await connect({ ...SHARED, slowConsumer: "drop-newest", maxQueueBytes: 2000 }, 10, hub);
    const [slow] = clients;
    const messages = jsonMessages(60);
    for (const [number, message] of messages.entries()) {
      if (slow !== undefined) slow.socket.isTaking = number < 10 || number > 50;
      if (number === 51) slow?.socket.release();
      hub.broadcast(message);
      const others = clients.filter((client) => client !== slow);
      await settled(others);
    }
    await settled(clients);
    const [got = [], ...others] = clients.map(read);
    for (const all of others) expect(all).toEqual(messages);
    expect(got.length).toBeLessThan(messages.length);
    expect(got.slice(-9)).toEqual(messages.slice(-9));
    expect(got.slice(0, 10)).toEqual(messages.slice(0, 10));
    for (const { socket } of clients) socket.destroy();
  });

  it("real clients read hundreds of broadcasts, with late ones and private messages in between", async () => {
    const hub = createHub();
    const served = await serve({ open: (connection) => hub.add(connection) }, SHARED);
    const messages = jsonMessages(300);
    const privates: [when: number, tell: () => void][] = [];
    const results: [got: Promise<string[]>, owed: string[]][] = [];
    for (const [number, message] of messages.entries()) {
      if (number % 30 === 0) {
        const client = await served.client();
        expect(client.extensions).toBe(PMD);
        const connection = await served.nextConnection();
        const owed = messages.slice(number).flatMap((text, at) => (at % 7 === 3 ? [text, `only for you ${at}`] : [text]));
        results.push([nextTexts(client, owed.length), owed]);
        for (let at = 3; at < messages.length - number; at += 7) privates.push([number + at, () => void connection.send(`only for you ${at}`)]);
      }
      hub.broadcast(message);
      for (const [when, tell] of privates) if (when === number) tell();
      if (number % 4 === 0) await new Promise(setImmediate);
    }
    for (const [got, owed] of results) expect(await got).toEqual(owed);
  });
});
