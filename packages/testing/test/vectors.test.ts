import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { plainClient } from "@upwire/protocol/vectors/plain-client.mjs";
import { readVectors, runClientVectors, runServerVectors, type Vector, type VectorClient, type VectorReport } from "@upwire/testing/vectors";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";

type Report = (what: VectorReport) => void;

/** The plain client, told by orders and reporting by name. */
function underTest(url: string, report: Report, Socket: typeof WebSocket = WebSocket): VectorClient {
  const client = plainClient(url, report, Socket);
  const signals = new Map<string, AbortController>();
  const answered = (name: string, answer: Promise<unknown>): void =>
    void answer.then(
      (payload) => report({ reply: name, payload }),
      ({ code }: { code: string }) => report({ failed: name, code }),
    );
  return {
    close: () => client.close(),
    do({ do: order, name = "", topic = "", type = "", payload, key }) {
      if (order === "send") client.send(type, payload);
      else if (order === "subscribe") client.subscribe(topic);
      else if (order === "unsubscribe") client.unsubscribe(topic);
      else if (order === "cancel") signals.get(name)?.abort();
      else if (order === "publish") answered(name, client.publish(topic, type, payload, { key }));
      else if (order === "request") {
        const controller = new AbortController();
        signals.set(name, controller);
        answered(name, client.request(type, payload, { key, signal: controller.signal }));
      }
    },
  };
}

const noBinary = { without: ["binary"] };

describe("the client vectors", () => {
  it("are passed by the plain client", async () => {
    const results = await runClientVectors(underTest, noBinary);
    expect(results.filter(({ fault }) => fault !== undefined)).toEqual([]);
    expect(results.length).toBeGreaterThan(30);
  });

  const vectors = readVectors();
  const named = (name: string): Vector[] => vectors.filter((vector) => vector.name.startsWith(name));

  it.each<readonly [string, string, string, (url: string, report: Report) => VectorClient]>([
    ["a report too many", "a request and its reply", "the client also reported", (url, report) => underTest(url, (what) => [report(what), report(what)])],
    ["no report", "a gap is told", "the client reported nothing of the kind", (url, report) => underTest(url, (what) => "gap" in what || report(what))],
    ["a wrong report", "an error of the application", 'is "other"', (url, report) => underTest(url, (what) => report({ ...what, code: "other" }))],
    ["no message", "a request and its reply", "no message came", (url, report) => ({ ...underTest(url, report), do: () => {} })],
    [
      "a message too many",
      "a request and its reply",
      "the client also sent",
      (url, report) => {
        const client = underTest(url, report);
        return { ...client, do: (order) => [client.do(order), client.do({ ...order, name: "again" })] };
      },
    ],
    [
      "no return",
      "a client that missed nothing",
      "the client did not connect",
      (url, report) => {
        let isFirst = true;
        class Once extends WebSocket {
          constructor(address: string, protocols: string[]) {
            super(isFirst ? address : "ws://127.0.0.1:1/", protocols);
            isFirst = false;
          }
        }
        return underTest(url, report, Once as typeof WebSocket);
      },
    ],
  ])("find %s", async (_, name, fault, make) => {
    const results = await runClientVectors(make, { vectors: named(name), stepTimeoutMs: 400 });
    expect(results).toEqual([{ name: expect.stringContaining(name) as string, fault: expect.stringContaining(fault) as string }]);
  });
});

describe("the server runner", () => {
  const closing: WebSocketServer[] = [];
  afterEach(() => closing.splice(0).forEach((server) => server.close()));

  /** A server that says hello, answers pings, and does `more` with the rest. */
  async function scripted(more: (socket: WebSocket, message: Record<string, unknown>) => void): Promise<(vector: Vector) => Promise<string | undefined>> {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    closing.push(server);
    await once(server, "listening");
    server.on("connection", (socket) => {
      const hello = { connectionId: "c", pingIntervalMs: 25_000, spreadMs: 0, limits: {} };
      socket.send(JSON.stringify({ type: "upwire.hello", payload: hello }));
      socket.on("message", (data) => {
        const message = JSON.parse((data as Buffer).toString()) as Record<string, unknown>;
        if (message["type"] === "upwire.ping") socket.send(JSON.stringify({ re: message["id"] }));
        else more(socket, message);
      });
    });
    const { port } = server.address() as AddressInfo;
    return async (vector) => {
      const connect = (protocols: string[]): WebSocket => new WebSocket(`ws://127.0.0.1:${port}/`, protocols);
      const [result] = await runServerVectors({ connect, act: () => {} }, { vectors: [vector], stepTimeoutMs: 300 });
      return result?.fault;
    };
  }

  const echo: Vector = {
    name: "echo",
    for: ["server"],
    steps: [
      { open: "v1" },
      { times: 2, steps: [{ client: { type: "echo", id: "$id.a", payload: [1] } }, { server: { re: "$id.a", payload: [1], "more?": "$any" } }] },
      { quiet: true },
    ],
  };

  it("finds nothing wrong with a server that does what the vector says", async () => {
    const run = await scripted((socket, { id, payload }) => socket.send(JSON.stringify({ re: id, payload })));
    expect(await run(echo)).toBeUndefined();
  });

  it.each<readonly [string, (socket: WebSocket, message: Record<string, unknown>) => void, string]>([
    ["a wrong value", (socket, { id }) => socket.send(JSON.stringify({ re: id, payload: [2] })), "the message.payload.0 is 2, and should be 1"],
    ["a member too many", (socket, { id, payload }) => socket.send(JSON.stringify({ re: id, payload, x: 1 })), "has x: 1, which should not be there"],
    ["a member too few", (socket, { id }) => socket.send(JSON.stringify({ re: id })), "the message.payload is nothing, and should be [1]"],
    ["another id", (socket, { payload }) => socket.send(JSON.stringify({ re: 99, payload })), "the message.re is 99, and should be 1, as before"],
    ["no answer", () => {}, "no message came"],
    ["bytes", (socket) => socket.send(new Uint8Array(3)), "has base64"],
    ["text that is no JSON", (socket) => socket.send("hi"), "has text"],
    ["a close", (socket) => socket.close(4400, "no"), "the server closed with 4400 no"],
    [
      "a message too many",
      (socket, { id, payload }) => {
        socket.send(JSON.stringify({ re: id, payload }));
        socket.send(JSON.stringify({ type: "echo" }));
      },
      "the message has type",
    ],
  ])("finds %s", async (_, more, fault) => {
    expect(await (await scripted(more))(echo)).toContain(fault);
  });

  it("finds a server that should close, and does not, or with another code", async () => {
    const closed: Vector = { name: "closed", for: ["server"], steps: [{ open: "v1" }, { client: { type: "x" } }, { closed: 4400 }] };
    expect(await (await scripted((socket) => socket.send("{}")))(closed)).toContain("the server did not close; it sent {}");
    expect(await (await scripted((socket) => socket.close(1000)))(closed)).toContain("the close.code is 1000, and should be 4400");
    expect(await (await scripted((socket) => socket.close(4400)))(closed)).toBeUndefined();
  });
});
