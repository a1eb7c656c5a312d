import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { BrowserContext } from "playwright-core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { demoNames } from "../../tools/demos.mjs";
import { startOne, type Launched } from "../../tools/launcher.mjs";
import { ChatTab, useBrowser } from "./browser.ts";
import { Client } from "./client.ts";

const host = "127.0.0.1";
const newContext = useBrowser();

describe.each(demoNames)("the %s demo", (name) => {
  let launched: Launched | undefined;
  let context: BrowserContext | undefined;
  let url: string;
  let port: number;

  const open = async (): Promise<ChatTab> => ChatTab.open((context ??= await newContext()), url);

  beforeEach(async () => {
    launched = await startOne(name, { host, port: 0 });
    ({ url, port } = launched.demos[0]!);
  });
  afterEach(async () => {
    await context?.close();
    context = undefined;
    await launched?.close();
    launched = undefined;
  });

  it("lets two tabs chat", async () => {
    const [a, b] = [await open(), await open()];
    expect(await a.page.title()).toBe(`upwire · ${name}`);
    expect(await a.page.locator("#count").innerText()).toBe("2");
    await a.send("hello from a");
    await b.saw("client", "hello from a");
    await a.saw("own", "hello from a");
    await b.send("hello from b");
    await a.saw("client", "hello from b");
  });

  it("delivers a direct message to one tab only", async () => {
    const [a, b, c] = [await open(), await open(), await open()];
    await a.send("only for b", await b.ownId());
    await b.saw("direct", "only for b");
    await a.saw("direct", "only for b");
    // Messages to one client keep their order: what c did not get before this, it will not get.
    await a.send("for all");
    await c.saw("client", "for all");
    expect((await c.messages()).join()).not.toContain("only for b");
  });

  it("refuses a page from elsewhere", async () => {
    const elsewhere = await serveBlankPage();
    try {
      context = await newContext();
      const page = await context.newPage();
      await page.goto(`http://${host}:${(elsewhere.address() as AddressInfo).port}/`);
      expect(await page.evaluate(eventsOfSocket, `ws://${host}:${port}/ws`)).toEqual(["error", "close 1006"]);
      // From its own page the same address is fine.
      await page.goto(`${url}/healthz`);
      expect(await page.evaluate(eventsOfSocket, `ws://${host}:${port}/ws`)).toEqual(["open", "close 1000"]);
    } finally {
      elsewhere.close();
    }
  });

  it("echoes on its echo page", async () => {
    context = await newContext();
    const page = await context.newPage();
    await page.goto(`${url}/ws/echo_display`);
    await page.click("#open");
    await page.locator("#log li[data-kind=open]").waitFor();
    await page.click("#send");
    await page.getByText("RESPONSE: Hello world!").waitFor();
    await page.click("#send-binary");
    await page.getByText("RESPONSE: binary").waitFor();
    await page.click("#close");
    await page.getByText("CLOSE (code 1000").waitFor();
  });

  it("answers any other path with the framework's 404, and says that it is well", async () => {
    expect((await fetch(`${url}/nothing/here`)).status).toBe(404);
    await expect(Client.connect(`ws://${host}:${port}/nothing/here`)).rejects.toThrow("Unexpected server response: 404");
    const health = await fetch(`${url}/healthz`);
    expect([health.status, await health.text()]).toEqual([200, "ok"]);
    expect((await fetch(`${url}/ws`)).status).toBe(426);
  });
});

async function serveBlankPage(): Promise<Server> {
  const server = createServer((_req, res) => void res.setHeader("content-type", "text/html").end("<!doctype html>")).listen(0, host);
  await once(server, "listening");
  return server;
}

/** Runs in the page. */
function eventsOfSocket(address: string): Promise<string[]> {
  return new Promise((resolve) => {
    const events: string[] = [];
    const socket = new WebSocket(address);
    socket.addEventListener("open", () => {
      events.push("open");
      socket.close(1000);
    });
    socket.addEventListener("error", () => events.push("error"));
    socket.addEventListener("close", ({ code }) => resolve([...events, `close ${code}`]));
  });
}
