import { attach, createHub, websocket as nodeWebsocket, type ConnectionHandler } from "@upwire/core";
import { websocket } from "@upwire/express";
import express from "express";
import { once } from "node:events";
import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createViteServer, type ViteDevServer } from "vite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { useBrowser } from "./browser.ts";
import { Client } from "./client.ts";

const hub = createHub();
const chat: ConnectionHandler = {
  open: (connection) => hub.add(connection),
  message: (connection, message) => void hub.broadcast(`${connection.remoteAddress} echo: ${message.text()}`),
};

/** Builds the application around Vite, which may not be there yet. */
type Application = (vite: () => ViteDevServer) => RequestListener;

const onExpress: Application = (vite) => {
  const app = express();
  app.get("/ws", websocket(chat));
  app.use((req, res, next) => vite().middlewares(req, res, next));
  return app;
};

const onNode: Application = (vite) => {
  const upgrade = nodeWebsocket(chat);
  return (req, res) => {
    if (req.url === "/ws") void upgrade(req, res);
    else vite().middlewares(req, res, () => res.writeHead(404).end());
  };
};

const cases = [
  { name: "Express", application: onExpress, order: "attach before Vite" },
  { name: "Express", application: onExpress, order: "Vite before attach" },
  { name: "bare node:http", application: onNode, order: "attach before Vite" },
  { name: "bare node:http", application: onNode, order: "Vite before attach" },
];

// Beside another library, what no route of ours takes is answered when its time is over.
const attachOptions = { handshakeTimeoutMs: 1000 };

describe.each(cases)("a Vite dev server on $name, $order", ({ application, order }) => {
  let folder: string;
  let server: Server;
  let vite: ViteDevServer;
  let address: string;

  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), "upwire-vite-")));
    await writeFile(join(folder, "page.js"), page("first"));
    await writeFile(join(folder, "index.html"), '<!doctype html><p id="out"></p><script type="module" src="/page.js"></script>');

    server = createServer(application(() => vite));
    if (order === "attach before Vite") attach(server, attachOptions);
    vite = await createViteServer({
      root: folder,
      configFile: false,
      logLevel: "error",
      // Never this repository's own.
      cacheDir: join(folder, ".vite"),
      server: { middlewareMode: true, ws: { server } },
      appType: "mpa",
    });
    if (order === "Vite before attach") attach(server, attachOptions);
    await once(server.listen(0, "127.0.0.1"), "listening");
    address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    await vite.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true, force: true });
  });

  it("keeps Vite's own socket working beside ours, and answers other paths with 404", async () => {
    const hmr = await Client.connect(`ws://${address}/`, { protocol: "vite-hmr" });
    expect(await hmr.receive("connected")).toBe('{"type":"connected"}');

    const ours = await Client.connect(`ws://${address}/ws`);
    ours.send("hello");
    expect(await ours.receive("hello")).toMatch(/^127\.0\.0\.1:\d+ echo: hello$/);

    await expect(Client.connect(`ws://${address}/nothing/here`)).rejects.toThrow("Unexpected server response: 404");
    expect(await hmr.receive("connected")).toBe('{"type":"connected"}');
    hmr.close();
    ours.close();
  });

  describe("in a browser", () => {
    const newContext = useBrowser();

    it("reloads a module while a chat socket of that page stays open", async () => {
      const context = await newContext();
      const tab = await context.newPage();
      await tab.goto(`http://${address}/`);
      await tab.getByText("first, chat open").waitFor();
      await writeFile(join(folder, "page.js"), page("second"));
      await tab.getByText("second, chat open").waitFor();
      await context.close();
    });
  });
});

/** A module that accepts its own updates, and opens its socket only once. */
function page(word: string): string {
  return `
    globalThis.chat ??= new Promise((resolve) => {
      const socket = new WebSocket(\`ws://\${location.host}/ws\`);
      socket.onopen = () => resolve("open");
      socket.onclose = () => resolve("closed");
    });
    globalThis.chat.then((state) => { document.querySelector("#out").textContent = "${word}, chat " + state; });
    import.meta.hot.accept();
  `;
}
