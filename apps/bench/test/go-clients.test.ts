import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { beforeAll, describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { catalogue } from "../src/catalogue.ts";
import type { Figures } from "../src/driver/job.ts";
import { runEchoDriver } from "../src/echo-driver.ts";
import { buildEchoDriver } from "../src/go-programs.ts";

const whyNot = process.platform === "linux" ? buildEchoDriver() : "Linux only";
if (whyNot !== undefined) console.warn(`The echo driver is not tested: ${whyNot}.`);

function drive(port: number, protocol: "websocket" | "socket.io" = "websocket"): Promise<Figures> {
  const workload = { kind: "closed", groups: 3, publishersPerGroup: 1, inFlight: 8 } as const;
  return runEchoDriver({ port, pid: process.pid, protocol, deflate: false, clients: 3, payloadBytes: 200, workload, warmUpMs: 20, windowMs: 30 }, { driver: undefined });
}

describe.runIf(whyNot === undefined)("the echo driver", () => {
  it.each(["upwire", "ws", "raw-net", "socketio"])("gets everything back from %s, in order", async (name) => {
    const { row } = (await catalogue[name]?.load?.()) ?? {};
    const port = (await row?.start({ mode: "echo", deflate: false })) ?? 0;
    const figures = await drive(port, catalogue[name]?.protocol === "socket.io" ? "socket.io" : "websocket");
    expect(figures).toMatchObject({ lost: 0, disorders: 0, closed: 0 });
    expect(figures.perSecond).toBeGreaterThan(0);
    expect(figures.p99Ms).toBeGreaterThanOrEqual(figures.p50Ms ?? Infinity);
  });

  describe("from a server that does it wrong", () => {
    let fault: (send: (text: string) => void, text: string, count: number) => void;
    let port = 0;

    beforeAll(async () => {
      const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
      await once(server, "listening");
      port = (server.address() as AddressInfo).port;
      server.on("connection", (ws) => {
        let count = 0;
        ws.on("message", (data: Buffer) => fault((text) => ws.send(text), data.toString(), ++count));
      });
    });

    it("sees what is missing", async () => {
      fault = (send, text, count) => void (count === 5 || send(text));
      expect(await drive(port)).toMatchObject({ lost: 3, disorders: 3, closed: 0 });
    });

    it("sees what comes twice", async () => {
      fault = (send, text, count) => {
        send(text);
        if (count === 5) send(text);
      };
      expect(await drive(port)).toMatchObject({ lost: 0, disorders: 3, closed: 0 });
    });

    it("sees a changed byte", async () => {
      fault = (send, text, count) => send(count === 5 ? text.replace(/.$/, "#") : text);
      expect(await drive(port)).toMatchObject({ lost: 3, disorders: 6 });
    });

    it("refuses what is no message of its own", async () => {
      fault = (send) => send("short");
      await expect(drive(port)).rejects.toThrow("no message of ours");
    });
  });
});
