import { escapeHtml, loadPage, type Page } from "./page.ts";

export interface DemoLink {
  readonly name: string;
  readonly url: string;
}

/** The page that links the demos and shows all `defaults` in force, group by group. */
export function indexPage(demos: readonly DemoLink[], defaults: Readonly<Record<string, Readonly<Record<string, unknown>>>>): Page {
  return loadPage("index.html", {
    "<!--demos-->": demos.map(demoItem).join(""),
    "<!--defaults-->": Object.entries(defaults).map(defaultGroup).join(""),
  });
}

function demoItem({ name, url }: DemoLink): string {
  return `<li><a href="${escapeHtml(url)}"><b>${escapeHtml(name)}</b><span>${escapeHtml(url)}</span></a></li>`;
}

function defaultGroup([name, group]: readonly [string, Readonly<Record<string, unknown>>]): string {
  return `<section><h3>${escapeHtml(name)}</h3><dl>${Object.entries(group).map(defaultItem).join("")}</dl></section>`;
}

function defaultItem([name, value]: readonly [string, unknown]): string {
  return `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(String(value))}</dd>`;
}
