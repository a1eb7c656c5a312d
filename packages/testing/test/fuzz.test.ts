import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { attach, websocket } from "@upwire/core";
import { runFuzz } from "@upwire/testing";
import { describe, expect, it, onTestFinished } from "vitest";
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
