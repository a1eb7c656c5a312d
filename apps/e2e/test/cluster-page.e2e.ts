import type { BrowserContext, Page } from "playwright-core";
import { afterEach, describe, expect, it } from "vitest";
import { useBrowser } from "./browser.ts";
import { Program } from "./program.ts";

const newContext = useBrowser();
let program: Program | undefined;

afterEach(async () => {
  program?.signalGroup("SIGKILL");
  await program?.exited;
});

/** A tab of the demo, as a visitor sees it. */
class Tab {
  readonly page: Page;

  private constructor(page: Page) {
    this.page = page;
  }

  static async open(context: BrowserContext, url: string): Promise<Tab> {
    const tab = new Tab(await context.newPage());
    await tab.page.goto(url);
    await tab.page.locator(".server[data-own]").waitFor();
    return tab;
  }

  /** The number of the server that it is on. */
  async server(): Promise<number> {
    return Number(/\d/.exec(await this.page.locator(".server[data-own] h2").innerText())?.[0]);
  }

  press(action: "drain" | "kill" | "start", server: number): Promise<void> {
    return this.page.locator(`#${action}-${server}`).click();
  }

  async noticed(text: string | RegExp): Promise<void> {
    await this.page.locator("#messages li[data-kind=notice]", { hasText: text }).last().waitFor();
  }

  async said(text: string): Promise<void> {
    await this.page.locator("#messages .body", { hasText: text }).waitFor();
  }

  async count(name: "received" | "lost" | "doubled"): Promise<number> {
    return Number((await this.page.locator(`#${name}`).innerText()).replaceAll(",", ""));
  }
}

describe("npm run cluster, with nothing but Node", { timeout: 120_000 }, () => {
  it("shows three tabs that lose nothing while one server drains and one is killed, and Ctrl-C ends everything", async () => {
    program = new Program(process.execPath, ["apps/cluster/dist/launch.js"]);
    const [, url = ""] = await program.wrote(/^listening on (\S+)$/m);
    const context = await newContext();
    const tabs: Tab[] = [];
    // One after the other: each gets the server that has the fewest.
    for (let count = 0; count < 3; count++) tabs.push(await Tab.open(context, url));
    const [one, two] = tabs as [Tab, Tab, Tab];
    await one.page.fill("#text", "from one");
    await one.page.press("#text", "Enter");
    for (const tab of tabs) await tab.said("from one");

    const drained = await one.server();
    expect(await two.server()).not.toBe(drained);
    await two.press("drain", drained);
    await one.noticed(`Server ${drained} is draining: it closed with 1012`);
    await one.noticed(/^Back after [\d.]+ s: \d+ missed/);
    await two.press("start", drained);
    await two.page.locator(`.server[data-state=running] #kill-${drained}[aria-disabled=false]`).waitFor();

    const killed = await two.server();
    await two.press("kill", killed);
    await two.noticed(`Server ${killed} is gone: no close frame came`);
    await two.noticed(/^Back after [\d.]+ s: \d+ missed/);

    for (const tab of tabs) {
      expect(await tab.count("received")).toBeGreaterThan(10);
      expect([await tab.count("lost"), await tab.count("doubled")]).toEqual([0, 0]);
    }
    program.signalGroup("SIGINT");
    expect(await program.exited).toEqual({ code: 0, signal: null });
    await expect(fetch(url)).rejects.toThrow("fetch failed");
  });
});
