import { expect, it } from "vitest";
import { read } from "./pages.ts";

/** Pages, with the configurations that stand on them as the tests run them. */
const shown = [
  ["apps/docs/scale/nginx.md", "nginx", "apps/cluster/proxy/nginx.conf"],
  ["apps/docs/scale/haproxy.md", "haproxy", "apps/cluster/proxy/haproxy.cfg"],
  ["apps/docs/guide/behind-a-proxy.md", "nginx", "packages/core/examples/nginx.conf"],
  ["apps/docs/guide/behind-a-proxy.md", "haproxy", "packages/core/examples/haproxy.cfg"],
] as const;

it.each(shown)("%s shows the %s configuration that the tests run, %s", (page, language, file) => {
  const [, block] = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "ms").exec(read(page)) ?? [];
  expect(block).toBe(read(file));
});
