import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

export interface Page {
  readonly headers: Readonly<Record<string, string>>;
  readonly html: string;
}

const fileOf = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");

/** The page with its script, which the build makes of the modules in `page/` (see bundle.mjs). Only these two blocks may run in it. */
export function loadPage(): Page {
  // Nothing in the script ends it. In a string or a pattern this means the same.
  const script = fileOf("../dist/cluster-page.js").replaceAll(/<(?=\/script|!--)/gi, "\\x3c");
  const html = fileOf("../public/index.html").replace("{{script}}", () => script);
  const hashOf = (tag: string): string => {
    const [, block = ""] = new RegExp(`<${tag}[^>]*>([^]*?)</${tag}>`).exec(html) ?? [];
    return `'sha256-${createHash("sha256").update(block).digest("base64")}'`;
  };
  const policy = `default-src 'none'; script-src ${hashOf("script")}; style-src ${hashOf("style")}; img-src data:; connect-src 'self'`;
  return {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": `${policy}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cache-control": "no-cache",
    },
    html,
  };
}
