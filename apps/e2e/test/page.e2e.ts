import type { BrowserContext } from "playwright-core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startOne, type Launched } from "../../tools/launcher.mjs";
import { ChatTab, useBrowser } from "./browser.ts";

const newContext = useBrowser();

describe("the chat page", () => {
  let launched: Launched;
  let context: BrowserContext;
  const open = (): Promise<ChatTab> => ChatTab.open(context, launched.demos[0]?.url ?? "");

  beforeEach(async () => {
    launched = await startOne("node", { host: "127.0.0.1", port: 0 });
    context = await newContext();
  });
  afterEach(async () => {
    await context.close();
    await launched.close();
  });

  it("shows each frame of its connection, and keeps still on demand", async () => {
    const tab = await open();
    const { page } = tab;
    const toggle = page.getByRole("button", { name: "Wire view" });
    expect(await page.locator("#wire").isHidden()).toBe(true);
    await toggle.click();
    expect(await toggle.getAttribute("aria-expanded")).toBe("true");
    const frames = page.locator("#frames li");
    // Those from before it was opened too.
    expect(await frames.first().innerText()).toMatch(/^\d\d:\d\d:\d\d\.\d{3}\s↓\s{"type":"upwire\.hello",/);
    expect(await frames.nth(1).getAttribute("data-direction")).toBe("out");

    await tab.send("over the wire");
    await page.locator("#frames li[data-direction=out]", { hasText: '"type":"say"' }).waitFor();
    await page.locator("#frames li[data-direction=in]", { hasText: '"text":"over the wire"' }).waitFor();
    const hello = frames.first();
    await hello.locator("summary").click();
    expect(JSON.parse(await hello.locator("pre").innerText())).toMatchObject({ type: "upwire.hello" });

    await page.getByRole("button", { name: "Pause" }).click();
    const count = await frames.count();
    await tab.send("meanwhile");
    await tab.saw("own", "meanwhile");
    await page.getByText(/^paused, \d+ more since$/).waitFor();
    expect(await frames.count()).toBe(count);
    await page.getByRole("button", { name: "Go on" }).click();
    await page.locator("#frames li[data-direction=in]", { hasText: '"text":"meanwhile"' }).waitFor();
    await page.getByRole("button", { name: "Close" }).click();
    expect(await page.locator("#wire").isHidden()).toBe(true);
  });

  it("goes offline by its own switch, and comes back with what it missed", async () => {
    const [a, b] = [await open(), await open()];
    await a.page.getByRole("button", { name: "Go offline" }).click();
    expect(await a.disconnected()).toBe("offline");
    await a.send("kept");
    await a.keeps("kept");
    for (const text of ["one", "two", "three"]) {
      await b.send(text);
      await b.saw("own", text);
    }
    await a.page.getByRole("button", { name: "Go online" }).click();
    await a.noticed(/^back: [34] missed messages delivered$/);
    await b.saw("client", "kept");
    const bodies = (await a.bodies()).filter((body) => !body.startsWith("back: "));
    expect(bodies).toEqual(["one", "two", "three", "kept"]);
  });

  it("says why a message could not be sent", async () => {
    const tab = await open();
    await tab.send("is anybody there", "nobody");
    await tab.saw("error", "not sent: Nobody here has this id");
    await tab.saw("error", "is anybody there");
    expect(await tab.page.locator("#messages li[data-waiting]").count()).toBe(0);
  });

  it("carries a room, and who is writing", async () => {
    const [a, b] = [await open(), await open()];
    for (const { page } of [a, b]) {
      await page.fill("#room", "tea");
      await page.click("#join");
      await page.getByText(/^In tea \(\d when you joined\)\.$/).waitFor();
    }
    await b.page.fill("#text", "ab");
    await a.page.getByText(/^127\.0\.0\.1:\d+ is writing…$/).waitFor();
    await a.page.selectOption("#say-room", "tea");
    await a.send("for the room");
    await a.saw("room", "room tea · you");
    await b.saw("room", "for the room");
    await b.page.click("#leave");
    await b.page.getByText("Not in a room.").waitFor();
    await a.send("for who is left");
    await a.saw("room", "for who is left");
    await a.page.selectOption("#say-room", "");
    await a.send("for all");
    await b.saw("client", "for all");
    expect((await b.messages()).join()).not.toContain("for who is left");
  });
});
