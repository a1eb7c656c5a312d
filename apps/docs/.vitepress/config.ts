import { readFileSync, readdirSync } from "node:fs";
import { defineConfig, type DefaultTheme } from "vitepress";

const repository = "https://github.com/upwire/upwire";

export default defineConfig({
  title: "upwire",
  description: "WebSocket routes for the Node web framework that you already use",
  lang: "en",
  cleanUrls: true,
  head: [["link", { rel: "icon", type: "image/svg+xml", href: "/icon.svg" }]],
  markdown: { languageAlias: { haproxy: "nginx" } },
  themeConfig: {
    logo: "/icon.svg",
    search: { provider: "local" },
    outline: [2, 3],
    socialLinks: [{ icon: "github", link: repository }],
    editLink: { pattern: `${repository}/edit/main/apps/docs/:path`, text: "Edit this page" },
    nav: [
      { text: "Guide", link: "/guide/start", activeMatch: "^/guide/" },
      { text: "Realtime", link: "/realtime/start", activeMatch: "^/realtime/" },
      { text: "Scale", link: "/scale/start", activeMatch: "^/scale/" },
      { text: "Adapters", link: "/adapters/express", activeMatch: "^/adapters/" },
      { text: "Reference", link: "/reference/names", activeMatch: "^/reference/" },
      { text: "Speed", link: "/speed" },
    ],
    sidebar: [
      { text: "Guide", items: pagesOf("guide") },
      { text: "Realtime", items: pagesOf("realtime") },
      { text: "Many nodes", items: pagesOf("scale") },
      { text: "Adapters", items: pagesOf("adapters") },
      { text: "Reference", items: pagesOf("reference") },
      { text: "Coming from", collapsed: true, items: pagesOf("coming-from") },
      { text: "Internals", collapsed: true, items: [...pagesOf("internals"), { text: "Speed", link: "/speed" }] },
    ],
  },
});

/** The pages of a folder, by the `order` at their head and then by name. A new file is in the sidebar by itself. */
function pagesOf(folder: string): DefaultTheme.SidebarItem[] {
  const files = readdirSync(new URL(`../${folder}/`, import.meta.url)).filter((name) => name.endsWith(".md"));
  return files
    .map((file) => {
      const source = readFileSync(new URL(`../${folder}/${file}`, import.meta.url), "utf8");
      const order = Number(/^order: (\d+)$/m.exec(source)?.[1] ?? 1000);
      const text = /^sidebar: (.+)$/m.exec(source)?.[1] ?? /^# (.+)$/m.exec(source)?.[1];
      if (text === undefined) throw new Error(`apps/docs/${folder}/${file} needs a heading: # What it is about`);
      return { order, text, link: `/${folder}/${file.slice(0, -".md".length)}` };
    })
    .toSorted((a, b) => a.order - b.order || a.text.localeCompare(b.text))
    .map(({ text, link }) => ({ text, link }));
}
