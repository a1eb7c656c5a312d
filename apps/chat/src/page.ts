import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

/** A page as every framework sends it. */
export interface Page {
  readonly headers: Readonly<Record<string, string>>;
  readonly html: string;
}

const publicFolder = new URL("../public/", import.meta.url);

/** A page of `public/`. Each key of `parts` is replaced by its value, which must be HTML, or script, already. */
export function loadPage(file: string, parts: Readonly<Record<string, string>> = {}): Page {
  let html = readFileSync(new URL(file, publicFolder), "utf8");
  // A function, since `$&` and the like mean something in a replacement text.
  for (const [mark, part] of Object.entries(parts)) html = html.replaceAll(mark, () => part);
  return { headers: headersFor(html), html };
}

/** The script of the chat page, which the build makes of the modules in `page/` (see bundle.mjs). */
export function pageScript(): string {
  const script = readFileSync(new URL("../dist/chat-page.js", import.meta.url), "utf8");
  // Nothing in it ends the script. In a string or a pattern it means the same.
  return script.replaceAll(/<(?=\/script|!--)/gi, "\\x3c");
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

function headersFor(html: string): Page["headers"] {
  return {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": [
      "default-src 'none'",
      `script-src ${hashesOf("script", html)}`,
      `style-src ${hashesOf("style", html)}`,
      "img-src data:",
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join("; "),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
  };
}

/** Only the page's own inline blocks may run: whatever slips into it otherwise has no hash here. */
function hashesOf(tag: "script" | "style", html: string): string {
  const blocks = [...html.matchAll(new RegExp(`<${tag}[^>]*>([^]*?)</${tag}>`, "g"))];
  if (blocks.length === 0) return "'none'";
  return blocks.map(([, body = ""]) => `'sha256-${createHash("sha256").update(body).digest("base64")}'`).join(" ");
}
