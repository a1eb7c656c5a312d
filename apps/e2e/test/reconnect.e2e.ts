import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createChat } from "@upwire-apps/chat";
import { attach, websocket, type Attachment, type Connection, type ConnectionHandler } from "@upwire/core";
import { isSendableCloseCode, MAX_RETRY_AFTER_MS, MIN_LATER_MS, retryOf, retryRules } from "@upwire/protocol";
import { createRealtime } from "@upwire/realtime";
import type { BrowserContext, Page } from "playwright-core";
import { afterEach, describe, expect, it } from "vitest";
import { useBrowser } from "./browser.ts";

const newContext = useBrowser();
const host = "127.0.0.1";
/** When the time of a tab stands still. */
const NOW = 1000;
/** The longest first wait of a client: 250 ms, and by chance 1.25 times what the server says in its hello, or a second before that. */
const [FIRST_MS, FIRST_UNGREETED_MS] = [250 + 1.25 * 40, 250 + 1.25 * 1000];

describe("the chat page, when its connection is over,", () => {
  const demo = createChat();
  let context: BrowserContext | undefined;
  const servers: Server[] = [];

  afterEach(async () => {
    await context?.close();
    for (const server of servers.splice(0)) stop(server);
    await demo.stop();
  });

  function stop(server: Server): void {
    server.close();
    server.closeAllConnections();
  }

  /** A realtime that says hello, and then does `opened`. */
  function greeting(opened: (connection: Connection) => void): ConnectionHandler {
    const realtime = createRealtime({ expectedClients: 100 });
    return {
      ...realtime,
      open(connection, request) {
        void realtime.open?.(connection as Connection<undefined>, request);
        opened(connection);
      },
    } as ConnectionHandler;
  }

  async function serve(handler: ConnectionHandler, port = 0): Promise<{ readonly server: Server; readonly attachment: Attachment; readonly port: number }> {
    const { headers, html } = demo.chatPage("test");
    const ws = websocket(handler, { allowedHosts: [host] });
    const server = createServer((req, res) => void (req.url === "/" ? res.writeHead(200, headers).end(html) : ws(req, res)));
    servers.push(server);
    const attachment = attach(server);
    await once(server.listen(port, host), "listening");
    return { server, attachment, port: (server.address() as AddressInfo).port };
  }

  /** A tab whose time stands still. */
  async function frozenTab(): Promise<Page> {
    context = await newContext();
    const tab = await context.newPage();
    await tab.clock.install({ time: 0 });
    await tab.clock.pauseAt(NOW);
    return tab;
  }

  const state = (tab: Page, name: string): Promise<void> => tab.locator(`#status[data-state=${name}]`).waitFor();
  /** What it says, and how long it waits. Milliseconds. */
  const statusOf = async (tab: Page): Promise<{ readonly text: string; readonly waitMs: number }> => {
    await state(tab, "disconnected");
    const status = tab.locator("#status");
    return { text: await status.innerText(), waitMs: Number(await status.getAttribute("data-retry-at")) - NOW };
  };

  it("comes back when the shutdown of its server said, and not before", async () => {
    let arrived = 0;
    const handler = greeting(() => arrived++);
    const first = await serve(handler);
    const tab = await frozenTab();
    await tab.goto(`http://${host}:${first.port}/`);
    await state(tab, "connected");
    await first.attachment.shutdown({ spreadMs: 0, retryAfterMs: 60_000 });
    const status = await statusOf(tab);
    expect(status.waitMs).toBeGreaterThanOrEqual(60_000);
    expect(status.waitMs).toBeLessThan(MAX_RETRY_AFTER_MS);
    expect(status.text).toBe(`reconnecting in ${Math.ceil(status.waitMs / 1000)} s`);

    stop(first.server);
    await once(first.server, "close");
    await serve(handler, first.port);
    // None of these is a reason to come earlier than everybody was told to.
    await tab.evaluate(() => {
      dispatchEvent(new Event("online"));
      document.dispatchEvent(new Event("visibilitychange"));
    });
    await tab.locator("#reconnect").click();
    await tab.clock.fastForward(status.waitMs - 10);
    expect(await statusOf(tab)).toMatchObject({ waitMs: status.waitMs, text: "reconnecting in 1 s" });
    expect(arrived).toBe(1);
    await tab.clock.fastForward(10);
    await state(tab, "connected");
    expect(arrived).toBe(2);
  });

  it("does what the table says about each close code that a server can send", async () => {
    const codes = [...new Set(retryRules.flatMap(({ from, to }) => [from, to]))].filter((code) => code === 1006 || isSendableCloseCode(code));
    let code = 0;
    const { port } = await serve(greeting((connection) => (code === 1006 ? connection.terminate() : connection.close(code))));
    const tab = await frozenTab();
    for (code of codes) {
      await tab.goto(`http://${host}:${port}/`);
      const { text, waitMs } = await statusOf(tab);
      const retry = retryOf(code);
      if (retry === false) {
        expect(text).toContain(`disconnected (code ${code}, `);
        expect(text).toContain("not reconnecting by itself");
        continue;
      }
      const least = retry === "later" ? MIN_LATER_MS : 0;
      const most = least + (code === 1006 ? FIRST_UNGREETED_MS : FIRST_MS);
      expect([code, waitMs >= least + 250 && waitMs <= most]).toEqual([code, true]);
      expect(text).toBe(`reconnecting in ${Math.ceil(waitMs / 1000)} s`);
    }
    expect(codes.length).toBeGreaterThan(20);
  });
});
