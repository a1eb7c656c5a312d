// Takes the picture of the demo page that README.md and the site show, in both schemes. `npm start` must be running; a port other
// than 8080 may be given: node apps/docs/picture.mjs 9000
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { WebSocket } from "ws";

const first = Number(process.argv[2] ?? 8080);
const executablePath = process.env.UPWIRE_CHROMIUM ?? "/usr/bin/chromium-headless-shell";
const pictures = [
  { colorScheme: "light", file: "chat.png" },
  { colorScheme: "dark", file: "chat-dark.png" },
];

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
for (const { colorScheme, file } of pictures) {
  const page = await browser.newPage({ viewport: { width: 1040, height: 620 }, colorScheme });
  // Express is the first of the four behind the index page.
  await page.goto(`http://127.0.0.1:${first + 1}/`);
  await page.getByText("connected", { exact: true }).waitFor();
  const [fastify, hono, koa] = await Promise.all([2, 3, 4].map((step) => open(first + step)));
  await say(page, fastify, "hello from Fastify", "hello from Fastify");
  await say(page, hono, "and from Hono", "and from Hono");
  await page.fill("#room", "tea");
  await page.click("#join");
  await page.getByText("In tea").waitFor();
  await page.locator("#text").fill("hi from Express, in the browser");
  await page.keyboard.press("Enter");
  await page.getByText("hi from Express, in the browser").waitFor();
  koa.send(JSON.stringify({ type: "join", payload: { room: "tea" } }));
  const text = "only members of the room tea see this";
  await say(page, koa, JSON.stringify({ type: "say", payload: { room: "tea", text } }), text);
  await page.screenshot({ path: fileURLToPath(new URL(`public/${file}`, import.meta.url)) });
  for (const socket of [fastify, hono, koa]) socket.close();
  await page.close();
}
await browser.close();

async function open(port) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`);
  await once(socket, "open");
  return socket;
}

async function say(page, socket, data, shown) {
  socket.send(data);
  await page.getByText(shown).waitFor();
}
