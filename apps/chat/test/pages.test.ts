import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { bundlePage } from "../bundle.mjs";
import { createChat, indexPage } from "../src/index.ts";
import { pageScript } from "../src/page.ts";

// The tests run unbuilt.
await bundlePage();

const demo = createChat();
await demo.stop();

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

it("lets nothing end the script that it stands in", () => {
  const script = /<script type="module">([^]*?)<\/script>/.exec(demo.chatPage("koa").html)?.[1];
  expect(script).toBe(pageScript());
  expect(script).not.toMatch(/<!--|<script|<\/script/i);
});

it("has no schema and no code of the server in its script", () => {
  expect(pageScript()).not.toMatch(/zod|safeParse|"node:/i);
  expect(pageScript()).toContain("upwire.subscribe");
});
