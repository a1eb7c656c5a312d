import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BrowserContext, Page } from "playwright-core";
import { EXPECTED } from "../../tools/client-play.mjs";
import { openStage, type Stage } from "../../tools/client-stage.mjs";
import { useBrowser } from "./browser.ts";

const newContext = useBrowser();

/** What a player needs to know, and who plays: the page itself, or a worker of it. */
const players = {
  page: (setting: object) => (globalThis as unknown as { playing(setting: object): Promise<string[]> }).playing(setting),
  worker: (setting: object) =>
    new Promise((resolve) => {
      const worker = new Worker("/worker.js", { type: "module" });
      worker.addEventListener("message", ({ data }) => resolve(data));
      worker.postMessage(setting, []);
    }),
  "shared worker": (setting: object) =>
    new Promise((resolve) => {
      const { port } = new SharedWorker("/shared.js", { type: "module" });
      port.addEventListener("message", ({ data }) => resolve(data));
      port.start();
      port.postMessage(setting);
    }),
};

// Nearly all of their time is waiting, so they play side by side.
describe.concurrent("the built client, without a bundler", () => {
  let stage: Stage;
  let foreign: Stage;
  let context: BrowserContext;

  beforeAll(async () => {
    stage = await openStage({ forPages: true });
    // Pages of the first may connect to it, and bring its cookie along: it is of the same site.
    foreign = await openStage({ forPages: true, origin: [stage.url] });
    context = await newContext();
  });
  afterAll(async () => {
    await context.close();
    await Promise.all([stage.close(), foreign.close()]);
  });

  async function openPage(): Promise<{ page: Page; errors: string[]; requests: string[] }> {
    const page = await context.newPage();
    const errors: string[] = [];
    const requests: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("request", (request) => requests.push(new URL(request.url()).pathname));
    await page.goto(stage.url);
    await page.waitForFunction("globalThis.playing");
    return { page, errors, requests };
  }

  it.each(["page", "worker", "shared worker"] as const)("resumes, is refused and comes back when it is told to, in a %s", async (name) => {
    const { page, errors, requests } = await openPage();
    expect(requests.toSorted()).toEqual(["/", "/browser.js", "/page.js", "/play.js", "/socket.js"]);
    expect(await page.evaluate(players[name], { origin: stage.url, name })).toEqual(EXPECTED);
    expect(errors).toEqual([]);
  });

  it("does the same at a server of another origin that lets it in", async () => {
    const { page, errors } = await openPage();
    expect(await page.evaluate(players.page, { origin: foreign.url, name: "foreign" })).toEqual(EXPECTED);
    expect(errors).toEqual([]);
  });
});
