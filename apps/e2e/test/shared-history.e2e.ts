import { attach, createHub, websocket, type Connection } from "@upwire/core";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import type { BrowserContext } from "playwright-core";
import { afterEach, describe, expect, it } from "vitest";
import { useBrowser } from "./browser.ts";

const MESSAGES = 400;
const JOIN_EVERY = 100;
const newContext = useBrowser();

describe("a browser that shares a history", () => {
  let server: Server | undefined;
  let context: BrowserContext | undefined;

  afterEach(async () => {
    await context?.close();
    server?.close();
  });

  it("reads every broadcast, with late sockets and private messages in between", async () => {
    const hub = createHub();
    const owed = new Map<string, string[]>();
    const sockets: Socket[] = [];
    let joined = (): void => {};
    const ws = websocket(
      {
        open(connection, { raw }) {
          hub.add(connection);
          owed.set(connection.request.url, []);
          sockets.push(raw.socket);
          joined();
        },
      },
      { compression: { sharedHistory: true } },
    );
    const page = "<!doctype html>";
    server = createServer((req, res) => void (req.url === "/" ? res.setHeader("content-type", "text/html").end(page) : ws(req, res)));
    attach(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    context = await newContext();
    const tab = await context.newPage();
    await tab.goto(`http://127.0.0.1:${port}/`);
    const joining = new Promise<void>((resolve) => (joined = resolve));
    const reading = tab.evaluate(textsOfSockets, { port, joinEvery: JOIN_EVERY, messages: MESSAGES });
    await joining;
    const note = (connection: Connection, text: string): void => void owed.get(connection.request.url)?.push(text);
    let bytes = 0;
    for (let number = 1; number <= MESSAGES; number++) {
      const text = JSON.stringify({
        number,
        kind: "price",
        symbol: `S${number % 7}`,
        bid: (number * 7919) % 1000,
        at: new Date(number * 86_400_777).toISOString(),
      });
      const later = number % JOIN_EVERY === 0 && number < MESSAGES ? new Promise<void>((resolve) => (joined = resolve)) : undefined;
      expect(hub.broadcast(text)).toBe(owed.size);
      for (const connection of hub) note(connection, text);
      bytes += text.length * owed.size;
      await later;
      if (number % 9 === 0) {
        const [connection] = [...hub].slice(number % owed.size);
        connection?.send(`for you alone ${number}`);
        if (connection !== undefined) note(connection, `for you alone ${number}`);
      }
      if (number % 3 === 0) await setImmediate();
    }
    const written = sockets.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0);
    hub.broadcast("end");
    expect(await reading).toEqual([...owed.values()]);
    expect(owed.size).toBe(MESSAGES / JOIN_EVERY);
    // Heads of the handshakes and private messages included.
    expect(written).toBeLessThan(bytes * 0.6);
    await hub.close();
  });
});

/** Runs in the page: opens a socket, and another at every so manieth message of the first. @returns what each got before the end. */
function textsOfSockets({ port, joinEvery, messages }: { readonly port: number; readonly joinEvery: number; readonly messages: number }): Promise<string[][]> {
  const all: string[][] = [];
  let open = 0;
  return new Promise((resolve, reject) => {
    const join = (): void => {
      const texts: string[] = [];
      const socket = new WebSocket(`ws://127.0.0.1:${port}/ws?${all.push(texts)}`);
      open++;
      socket.addEventListener("close", ({ code }) => reject(new Error(`closed with ${code}`)));
      socket.addEventListener("message", ({ data }: MessageEvent<string>) => {
        if (data === "end") {
          if (--open === 0) resolve(all);
          return;
        }
        texts.push(data);
        const number = data.startsWith("{") ? (JSON.parse(data) as { readonly number: number }).number : 0;
        if (texts === all[0] && number > 0 && number % joinEvery === 0 && number < messages) join();
      });
    };
    join();
  });
}
