import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { attach, websocket } from "@upwire/core";
import { runFuzz } from "@upwire/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { talksOf } from "../src/fuzz/corpus.ts";
import { Coverage, coverageTable } from "../src/fuzz/coverage.ts";
import { createInput } from "../src/fuzz/input.ts";
import { Player } from "../src/fuzz/play.ts";
import { Random } from "../src/fuzz/random.ts";

/** An echo server that sends a masked frame, which no server may, to whoever pings it with more than 100 bytes. */
async function brokenServer(): Promise<string> {
  const sockets = new Map<string, Socket>();
  const route = websocket({
    message: (connection, message) => void connection.send(message),
    ping(connection, data) {
      if (data.byteLength > 100) sockets.get(connection.remoteAddress)?.write(Buffer.of(0x81, 0x80, 0, 0, 0, 0));
    },
  });
  const server = createServer((req, res) => void route(req, res));
  server.on("connection", (socket) => sockets.set(`${socket.remoteAddress}:${socket.remotePort}`, socket));
  const attachment = attach(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(async () => {
    await attachment.close({ graceMs: 100 });
    server.close();
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("the fuzzer", () => {
  it("finds a planted fault, and finds it again by seed and number", { timeout: 30_000 }, async () => {
    const url = await brokenServer();
    const { findings } = await runFuzz(url, { seed: 3, inputs: 2000, concurrency: 16 });
    const [finding] = findings;
    expect(finding?.why).toContain("a masked frame from a server");
    const again = await runFuzz(url, { seed: 3, only: finding?.inputs ?? [] });
    expect(again.findings.map(({ why }) => why)).toContain(finding?.why);
  });

  it("names the input that made a server throw", { timeout: 30_000 }, async () => {
    const url = await brokenServer();
    let asked = 0;
    const { findings } = await runFuzz(url, {
      seed: 3,
      inputs: 400,
      concurrency: 4,
      // One more error each time that it asks: as if every input threw.
      faults: () => Array.from({ length: asked++ }, (_, at) => `uncaught ${at}`),
    });
    const thrown = findings.filter(({ why }) => why.startsWith("uncaught"));
    expect(thrown.length).toBeGreaterThan(0);
    for (const { inputs } of thrown) expect(inputs).toHaveLength(1);
  });

  it("finds an upgrade that overtakes an earlier answer, and counts the states that it tried", { timeout: 30_000 }, async () => {
    const server = createServer((_req, res) => void setTimeout(() => res.end("late"), 3));
    const accept = (key: string): string => createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    server.on("upgrade", (req, socket) => {
      socket.on("error", () => {});
      // Does not wait for the answer before it.
      socket.end(
        `HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept(req.headers["sec-websocket-key"] ?? "")}\r\n\r\n`,
      );
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    onTestFinished(() => void server.close());
    const faults: string[] = [];
    const coverage = new Coverage();
    const { port } = server.address() as AddressInfo;
    const corpus = { talks: talksOf(), seeds: [{}], authority: `127.0.0.1:${port}`, path: "/", pages: { quick: "/" } };
    const player = new Player({ target: { port, headers: {} }, timeoutMs: 3000, anyOrigin: true, coverage, onWrong: async ({ why }) => void faults.push(why) });
    for (let number = 0; number < 150; number++) {
      const input = createInput(3, number, corpus);
      if (input.story?.isWhole === true) await player.play(input);
    }
    expect(faults).toContain("a 101 before the answers to earlier requests");
    expect(coverage.withSomethingBefore).toBeGreaterThan(5);
    expect(coverageTable(coverage.states)).toContain("one packet");
  });

  it("says when there is no echo server", async () => {
    await expect(runFuzz("ws://127.0.0.1:1/")).rejects.toThrow("does not echo to a good client");
  });
});

describe("its random numbers", () => {
  it("are the same for the same seed and input, and others for others", () => {
    const of = (seed: number, number: number): string => new Random(seed, number).bytes(16).toString("hex");
    expect(of(1, 2)).toBe(of(1, 2));
    const all = Array.from({ length: 400 }, (_, at) => of(at % 20, Math.floor(at / 20)));
    expect(new Set(all).size).toBe(all.length);
  });

  it("reach every value of a range", () => {
    const random = new Random(5, 0);
    expect(new Set(Array.from({ length: 500 }, () => random.below(10))).size).toBe(10);
  });
});
