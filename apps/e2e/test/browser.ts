import { existsSync } from "node:fs";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach } from "vitest";

const executablePath = process.env["UPWIRE_CHROMIUM"] ?? "/usr/bin/chromium-headless-shell";

const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  // Without these it asks for hosts of Google, which a closed network refuses.
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A new browser profile whose waits end before the test's own time. */
export type NewContext = () => Promise<BrowserContext>;

/** One browser for all tests of a file. Skips them when there is none. */
export function useBrowser(): NewContext {
  const browserOfFile = useBrowserWith([]);
  return async () => {
    const context = await browserOfFile().newContext({ ignoreHTTPSErrors: true });
    context.setDefaultTimeout(20_000);
    return context;
  };
}

/** The same with more arguments on its command line. */
export function useBrowserWith(more: readonly string[]): () => Browser {
  let browser: Browser | undefined;
  beforeAll(async () => {
    if (existsSync(executablePath)) browser = await chromium.launch({ executablePath, args: [...args, ...more] });
  });
  afterAll(() => browser?.close());
  beforeEach((test) => {
    if (!browser) test.skip(`no ${executablePath}: install Debian's chromium-headless-shell or set UPWIRE_CHROMIUM`);
  });
  return () => {
    if (!browser) throw new Error("no browser");
    return browser;
  };
}

/** One tab with the chat page, driven as a person would. */
export class ChatTab {
  readonly page: Page;

  private constructor(page: Page) {
    this.page = page;
  }

  static async open(context: BrowserContext, url: string): Promise<ChatTab> {
    const tab = new ChatTab(await context.newPage());
    await tab.page.goto(url);
    await tab.connected();
    return tab;
  }

  async connected(): Promise<void> {
    await this.page.locator("#status[data-state=connected]").waitFor();
    // The welcome is here too.
    await this.page.locator("#members li").first().waitFor();
  }

  async disconnected(): Promise<string> {
    const status = this.page.locator("#status[data-state=disconnected]");
    await status.waitFor();
    return status.innerText();
  }

  ownId(): Promise<string> {
    return this.page.locator("#own-id").innerText();
  }

  async send(text: string, to = ""): Promise<void> {
    await this.page.fill("#to", to);
    await this.page.fill("#text", text);
    await this.page.press("#text", "Enter");
  }

  /** Waits for a message of this kind: own, client, direct, server... */
  async saw(kind: string, text: string): Promise<void> {
    await this.page.locator(`#messages li[data-kind=${kind}]`, { hasText: text }).waitFor();
  }

  /** A line of the page itself, such as "back: 3 missed messages delivered". */
  async noticed(text: string | RegExp): Promise<void> {
    await this.page.locator("#messages li[data-kind=notice] .body", { hasText: text }).waitFor();
  }

  /** A message that could not be sent yet. */
  async keeps(text: string): Promise<void> {
    await this.page.locator("#messages li[data-waiting]", { hasText: text }).waitFor();
  }

  /** The text of each message, without who said it and when. */
  bodies(): Promise<string[]> {
    return this.page.locator("#messages li:not([data-kind=server]) .body").allInnerTexts();
  }

  messages(): Promise<string[]> {
    return this.page.locator("#messages li").allInnerTexts();
  }
}
