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
  let browser: Browser | undefined;
  beforeAll(async () => {
    if (existsSync(executablePath)) browser = await chromium.launch({ executablePath, args });
  });
  afterAll(() => browser?.close());
  beforeEach((test) => {
    if (!browser) test.skip(`no ${executablePath}: install Debian's chromium-headless-shell or set UPWIRE_CHROMIUM`);
  });
  return async () => {
    if (!browser) throw new Error("no browser");
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    context.setDefaultTimeout(20_000);
    return context;
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

  messages(): Promise<string[]> {
    return this.page.locator("#messages li").allInnerTexts();
  }
}
