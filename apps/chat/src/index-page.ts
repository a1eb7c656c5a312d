import { escapeHtml, loadPage, type Page } from "./page.ts";

export interface DemoLink {
  readonly name: string;
  readonly url: string;
}

/** The page that links the demos and shows the safety `defaults` in force. */
export function indexPage(demos: readonly DemoLink[], defaults: Readonly<Record<string, unknown>>): Page {
  return loadPage("index.html", {
    "<!--demos-->": demos.map(demoItem).join(""),
    "<!--defaults-->": Object.entries(defaults).map(defaultItem).join(""),
  });
}

function demoItem({ name, url }: DemoLink): string {
  return `<li><a href="${escapeHtml(url)}"><b>${escapeHtml(name)}</b><span>${escapeHtml(url)}</span></a></li>`;
}

function defaultItem([name, value]: readonly [string, unknown]): string {
  return `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(String(value))}</dd>`;
}
