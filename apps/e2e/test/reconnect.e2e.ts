import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createChat } from "@upwire-apps/chat";
import { attach, websocket, type Attachment, type ConnectionHandler } from "@upwire/core";
import { isSendableCloseCode, MIN_LATER_MS, parseRetryAfter, retryOf, retryRules } from "@upwire/protocol";
import type { BrowserContext, Page } from "playwright-core";
import { afterEach, describe, expect, it } from "vitest";
import { useBrowser } from "./browser.ts";

const newContext = useBrowser();
const host = "127.0.0.1";

describe("the chat page, when its connection is over,", () => {
  const demo = createChat();
  demo.stop();
  let context: BrowserContext | undefined;
  const servers: Server[] = [];

  afterEach(async () => {
    await context?.close();
    for (const server of servers.splice(0)) stop(server);
  });

  function stop(server: Server): void {
    server.close();
    server.closeAllConnections();
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
    await tab.clock.pauseAt(1000);
    return tab;
  }

  const state = (tab: Page, name: string): Promise<void> => tab.locator(`#status[data-state=${name}]`).waitFor();
  const statusOf = async (tab: Page): Promise<string> => {
    await state(tab, "disconnected");
    return tab.locator("#status").innerText();
  };

  it("comes back when the shutdown of its server said, and not before", async () => {
    let arrived = 0;
    const handler: ConnectionHandler = { open: () => void arrived++ };
    const first = await serve(handler);
    const tab = await frozenTab();
    await tab.goto(`http://${host}:${first.port}/`);
    await state(tab, "connected");
    await first.attachment.shutdown({ spreadMs: 0, retryAfterMs: 60_000 });
    const status = await statusOf(tab);
    const told = parseRetryAfter(/retry-after=\d+/.exec(status)?.[0] ?? "") ?? 0;
    expect(told).toBeGreaterThanOrEqual(60_000);
    expect(status).toContain("code 1012");
    expect(status).toContain(`reconnecting in ${(told / 1000).toFixed(1)} s`);

    stop(first.server);
    await once(first.server, "close");
    await serve(handler, first.port);
    // Neither of these is a reason to come earlier than everybody was told to.
    await tab.evaluate(() => {
      dispatchEvent(new Event("online"));
      document.dispatchEvent(new Event("visibilitychange"));
    });
    await tab.clock.fastForward(told - 10);
    expect(await statusOf(tab)).toBe(status);
    expect(arrived).toBe(1);
    await tab.clock.fastForward(10);
    await state(tab, "connected");
    expect(arrived).toBe(2);
  });

  it("does what the table says about each close code that a server can send", async () => {
    const codes = [...new Set(retryRules.flatMap(({ from, to }) => [from, to]))].filter((code) => code === 1006 || isSendableCloseCode(code));
    let code = 0;
    const { port } = await serve({ open: (connection) => (code === 1006 ? connection.terminate() : connection.close(code)) });
    const tab = await frozenTab();
    for (code of codes) {
      await tab.goto(`http://${host}:${port}/`);
      const status = await statusOf(tab);
      const seconds = Number(/reconnecting in ([\d.]+) s/.exec(status)?.[1]);
      expect(status).toContain(`code ${code},`);
      const retry = retryOf(code);
      if (retry === false) expect(status).toContain("not reconnecting by itself");
      else if (retry === true) expect([code, seconds <= 0.5]).toEqual([code, true]);
      else expect([code, seconds >= MIN_LATER_MS / 1000 && seconds <= (2 * MIN_LATER_MS) / 1000]).toEqual([code, true]);
    }
    expect(codes.length).toBeGreaterThan(20);
  });
});
