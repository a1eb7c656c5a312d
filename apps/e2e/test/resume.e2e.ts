import type { BrowserContext } from "playwright-core";
import { describe, it, type TestContext } from "vitest";
import { demoNames } from "../../tools/demos.mjs";
import { startOne, type Launched } from "../../tools/launcher.mjs";
import { ChatTab, useBrowser } from "./browser.ts";
import { Client } from "./client.ts";
import { CountingProxy } from "./counting-proxy.ts";

const host = "127.0.0.1";
const newContext = useBrowser();

/** A demo that can be started again on its port, behind a network that can break. */
class Stage {
  readonly #name: string;
  #launched: Launched | undefined;
  #port = 0;
  readonly context: BrowserContext;
  proxy!: CountingProxy;

  private constructor(name: string, context: BrowserContext) {
    this.#name = name;
    this.context = context;
  }

  static async open(name: string, onTestFinished: TestContext["onTestFinished"]): Promise<Stage> {
    const stage = new Stage(name, await newContext());
    onTestFinished(async () => {
      await stage.context.close();
      await stage.proxy.close();
      await stage.shutDown();
    });
    await stage.launch();
    stage.proxy = await CountingProxy.listen(stage.#port);
    return stage;
  }

  async launch(restore?: Uint8Array): Promise<void> {
    this.#launched = await startOne(this.#name, { host, port: this.#port, restore });
    this.#port = this.#launched.demos[0]?.port ?? 0;
  }

  async shutDown(): Promise<void> {
    await this.#launched?.close();
    this.#launched = undefined;
  }

  async saveAndShutDown(): Promise<Uint8Array> {
    let saved = new Uint8Array();
    await this.#launched?.saveAndClose((state) => (saved = state as typeof saved));
    this.#launched = undefined;
    return saved;
  }

  tab(): Promise<ChatTab> {
    return ChatTab.open(this.context, `http://${host}:${this.proxy.port}`);
  }

  /** From outside of the browser. */
  async say(...texts: readonly string[]): Promise<void> {
    const client = await Client.connect(`ws://${host}:${this.#port}/ws`);
    for (const text of texts) client.send(text);
    await client.receive(texts.at(-1)!);
    client.close();
  }
}

// Most of their time is waiting for the next attempt.
describe.concurrent.each(demoNames)("two tabs on the %s demo", (name) => {
  it("miss nothing in a restart and in a network cut, and are told when the server was killed", async ({ expect, onTestFinished }) => {
    const stage = await Stage.open(name, onTestFinished);
    const { context, proxy } = stage;
    const a = await stage.tab();
    // The page, and the handshake.
    expect(proxy.requests).toEqual(["GET /", "GET /ws"]);
    const b = await stage.tab();
    const tabs = [a, b];
    const areOffline = async (): Promise<void> => {
      for (const tab of tabs) expect(await tab.disconnected()).toMatch(/^offline, reconnecting in \d+ s$/);
    };
    await a.send("hello");
    await b.saw("client", "hello");

    // Neither tab gets through to the new server before the messages are there.
    await context.setOffline(true);
    const saved = await stage.saveAndShutDown();
    await areOffline();
    await b.send("written offline");
    await b.keeps("written offline");
    await stage.launch(saved);
    await stage.say("one", "two", "three");
    await context.setOffline(false);
    // With what b had written, where that was published before the answer to the subscribe.
    for (const tab of tabs) await tab.noticed(/^back: [34] missed messages delivered$/);
    await a.saw("client", "written offline");
    await b.saw("own", "written offline");

    await context.setOffline(true);
    proxy.cut();
    await areOffline();
    await stage.say("four");
    await context.setOffline(false);
    for (const tab of tabs) await tab.noticed("back: 1 missed message delivered");

    // As a process that is killed: no close frame, and nothing is kept.
    proxy.cut();
    await stage.shutDown();
    await stage.launch();
    for (const tab of tabs) await tab.noticed("back: some messages could not be kept");
    await a.send("on we go");
    await b.saw("client", "on we go");
    for (const tab of tabs) {
      const bodies = (await tab.bodies()).filter((body) => !body.startsWith("back: "));
      expect(bodies).toEqual(["hello", "one", "two", "three", "written offline", "four", "on we go"]);
    }
  });
});
