import { setTimeout } from "node:timers/promises";
import type { Browser, CDPSession } from "playwright-core";
import { afterEach, describe, expect, it } from "vitest";
import { startOne, type Launched } from "../../tools/launcher.mjs";
import { useBrowserWith } from "./browser.ts";
import { Client } from "./client.ts";

/** How long the tab is frozen, at least: a minute is the same as no time, once the server has more to send than the network holds. */
const FROZEN_MS = Number(process.env["UPWIRE_FROZEN_MS"] ?? 0);
const LONG = "x".repeat(64 * 1024);
/** Of that length: 9 MiB, of which the network takes 4 and the send queue 1. */
const MESSAGES = 144;

/**
 * A tab that playwright leaves alone: its own tabs count as looked at, and such a tab is never frozen. Evaluates and freezes by the
 * DevTools protocol.
 */
class HiddenTab {
  readonly #root: CDPSession;
  readonly #sessionId: string;
  readonly #answers = new Map<number, (message: { readonly result?: unknown }) => void>();
  #lastId = 0;

  private constructor(root: CDPSession, sessionId: string) {
    this.#root = root;
    this.#sessionId = sessionId;
    root.on("Target.receivedMessageFromTarget", ({ message }) => {
      const answer = JSON.parse(message) as { readonly id?: number; readonly result?: unknown };
      this.#answers.get(answer.id ?? 0)?.(answer);
    });
  }

  static async open(browser: Browser, url: string): Promise<HiddenTab> {
    const root = await browser.newBrowserCDPSession();
    const { browserContextId } = await root.send("Target.createBrowserContext");
    const { targetId } = await root.send("Target.createTarget", { url: "about:blank", browserContextId });
    const { sessionId } = await root.send("Target.attachToTarget", { targetId, flatten: false });
    const tab = new HiddenTab(root, sessionId);
    await tab.#send("Page.enable");
    await tab.#send("Page.navigate", { url });
    await tab.until(`document.querySelector("#status[data-state=connected]") !== null`);
    return tab;
  }

  freeze(): Promise<unknown> {
    return this.#send("Page.setWebLifecycleState", { state: "frozen" });
  }

  thaw(): Promise<unknown> {
    return this.#send("Page.setWebLifecycleState", { state: "active" });
  }

  async evaluate(expression: string): Promise<unknown> {
    const { result } = (await this.#send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true })) as { result: { value: unknown } };
    return result.value;
  }

  /** Waits in the page, at each change of it. */
  async until(condition: string): Promise<void> {
    await this.evaluate(`new Promise((resolve) => {
      const look = () => (${condition}) && resolve();
      new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
      document.addEventListener("readystatechange", look);
      look();
    })`);
  }

  bodies(): Promise<unknown> {
    return this.evaluate(`[...document.querySelectorAll("#messages li:not([data-kind=server]) .body")].map((body) => body.textContent.split(" ")[0])`);
  }

  async #send(method: string, params: object = {}): Promise<unknown> {
    const id = ++this.#lastId;
    const answer = new Promise<{ readonly result?: unknown; readonly error?: unknown }>((resolve) => this.#answers.set(id, resolve));
    await this.#root.send("Target.sendMessageToTarget", { sessionId: this.#sessionId, message: JSON.stringify({ id, method, params }) });
    const { result, error } = await answer;
    if (error !== undefined) throw new Error(`${method}: ${JSON.stringify(error)}`);
    return result;
  }
}

// Chromium 156 also closes the WebSockets of a frozen page when it goes on. Others, and earlier ones, keep them.
const behaviours = [
  { what: "and keeps its connection, over which it lags and catches up,", args: ["--disable-features=DisconnectWebSocketOnBFCache"], isCut: false },
  { what: "and loses its connection by that", args: [], isCut: true },
];

describe.each(behaviours)("a tab that is frozen $what", ({ args, isCut }) => {
  const browserOfFile = useBrowserWith(args);
  let launched: Launched | undefined;

  afterEach(() => launched?.close());

  it("gets every message, once and in order", { timeout: FROZEN_MS + 30_000 }, async () => {
    launched = await startOne("express", { host: "127.0.0.1", port: 0 });
    const url = launched.demos[0]?.url ?? "";
    const tab = await HiddenTab.open(browserOfFile(), url);
    const client = await Client.connect(`${url.replace("http", "ws")}/ws`);
    const said: string[] = [];
    const say = async (word: string, rest = ""): Promise<void> => {
      said.push(word);
      client.send(`${word} ${rest}`);
      await client.receive(` ${word} ${rest}`);
    };
    await say("before");
    await tab.freeze();
    const frozen = setTimeout(FROZEN_MS);
    // More than the network and the send queue hold.
    if (isCut) await say("meanwhile");
    else for (let n = 0; n < MESSAGES; n++) await say(`${n}`, LONG);
    await frozen;
    await tab.thaw();
    await say("after");
    await tab.until(`document.querySelector("#messages").textContent.includes("after")`);
    const bodies = (await tab.bodies()) as string[];
    expect(bodies.filter((word) => word !== "back:")).toEqual(said);
    // Chromium closes the connection before the page has read what came meanwhile, or after it: only then nothing was missed.
    expect(bodies.filter((word) => word === "back:").length).toBeLessThanOrEqual(isCut ? 1 : 0);
    client.close();
  });
});
