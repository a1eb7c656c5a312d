import { createHash } from "node:crypto";
import { runInNewContext } from "node:vm";
import { MAX_RETRY_AFTER_MS, MIN_LATER_MS, parseRetryAfter, retryAfterReason, retryOf } from "@upwire/protocol";
import { expect, it } from "vitest";
import { createChat, indexPage } from "../src/index.ts";
import { scriptValue } from "../src/page.ts";

const demo = createChat();
demo.stop();

it("names the framework, escaped, wherever the page wants it", () => {
  const { html } = demo.chatPage(`<b>"$&'`);
  expect(html).not.toContain("{{");
  expect(html).toContain("<title>upwire · &#60;b&#62;&#34;$&#38;&#39;</title>");
});

it("escapes what it puts on the index page", () => {
  const { html } = indexPage([{ name: "<i>", url: 'http://x/"onclick="y' }], { "<group>": { "<limit>": "</dd>" } });
  expect(html).toContain('<a href="http://x/&#34;onclick=&#34;y"><b>&#60;i&#62;</b>');
  expect(html).toContain("<h3>&#60;group&#62;</h3>");
  expect(html).toContain("<dt>&#60;limit&#62;</dt><dd>&#60;/dd&#62;</dd>");
});

it.each([
  ["chat", demo.chatPage("koa")],
  ["echo", demo.echoPage],
  ["index", indexPage([], {})],
])("lets the %s page run its own script and style, and nothing else", (_name, { headers, html }) => {
  const policy = headers["content-security-policy"];
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain("unsafe");
  for (const [, tag, body] of html.matchAll(/<(script|style)[^>]*>([^]*?)<\/\1>/g)) {
    const hash = createHash("sha256")
      .update(body ?? "")
      .digest("base64");
    expect(policy).toMatch(new RegExp(`${tag}-src[^;]*'sha256-${hash.replaceAll("+", "\\+")}'`));
  }
  expect(html).not.toMatch(/ style="| on[a-z]+="/);
  expect(headers).toMatchObject({ "content-type": "text/html; charset=utf-8", "x-content-type-options": "nosniff" });
});

/** What the chat page asks itself when a connection is over. */
function leastDelayOfPage(): (code: number, reason: string) => number | undefined {
  const { html } = demo.chatPage("koa");
  const parts = [/^const PROTOCOL = .*;$/m, /^function leastDelay\(.*\{\n[^]*?\n\}$/m].map((part) => part.exec(html)?.[0] ?? "missing");
  return runInNewContext(`${parts.join("\n")}\nleastDelay`) as ReturnType<typeof leastDelayOfPage>;
}

it("reconnects from the chat page as the protocol package says, after every close code", () => {
  const leastDelay = leastDelayOfPage();
  for (let code = 0; code <= 5100; code++) {
    const retry = retryOf(code);
    const least = leastDelay(code, "");
    if (retry === "later") expect(least !== undefined && least >= MIN_LATER_MS && least <= 2 * MIN_LATER_MS).toBe(true);
    else expect([code, least]).toEqual([code, retry ? 0 : undefined]);
  }
});

it("reads the time to come back as the protocol package does, and not after a code that says no", () => {
  const leastDelay = leastDelayOfPage();
  const reasons = [0, 1, 1500, MAX_RETRY_AFTER_MS].map(retryAfterReason);
  reasons.push(
    `retry-after=${"9".repeat(15)}`,
    `retry-after=${"9".repeat(16)}`,
    "retry-after=",
    "retry-after=-1",
    "retry-after=5\n",
    "Retry-After=5",
    "x retry-after=5",
    "",
  );
  for (const reason of reasons) {
    for (const code of [1012, 1013]) {
      const told = parseRetryAfter(reason);
      if (told !== undefined || code === 1012) expect([reason, leastDelay(code, reason)]).toEqual([reason, told ?? 0]);
    }
    expect(leastDelay(1008, reason)).toBeUndefined();
  }
});

it("lets no value end the script that it stands in", () => {
  expect(scriptValue({ text: "</script><!--" })).toBe('{"text":"\\u003c/script>\\u003c!--"}');
});
