import { createRequire } from "node:module";
import { afterEach, beforeEach, expect, it } from "vitest";
import { startOne, type Launched } from "../../tools/launcher.mjs";
import { Client } from "./client.ts";
import { Program } from "./program.ts";

const require = createRequire(import.meta.url);
const wscatPath = require.resolve("wscat/bin/wscat");

let launched: Launched;
let wscat: Program | undefined;

beforeEach(async () => {
  launched = await startOne("express", { host: "127.0.0.1", port: 0 });
});
afterEach(async () => {
  wscat?.signalGroup("SIGKILL");
  await launched.close();
});

it("wscat chats in plain text", async () => {
  const url = `ws://127.0.0.1:${launched.demos[0]?.port}/ws`;
  const other = await Client.connect(url);
  other.send(JSON.stringify({ type: "hello" }));
  await other.receive("welcome");

  wscat = new Program(process.execPath, [wscatPath, "--connect", url]);
  await other.receive('"joined"');
  // Without a terminal wscat loses what is typed before it is connected, and only a message shows that it is.
  other.send("ready?");
  await wscat.wrote(/ready\?$/m);

  wscat.writeLine("hello from wscat");
  await wscat.wrote(/^(?:> )?127\.0\.0\.1:\d+ echo: hello from wscat$/m);
  expect(await other.receive("hello from wscat")).toMatch(/^127\.0\.0\.1:\d+ echo: hello from wscat$/);
  wscat.writeLine('{"type":"nonsense"}');
  await wscat.wrote(/^(?:> )?{"type":"error","payload":{"code":"unknown-type",.*}}$/m);
});
