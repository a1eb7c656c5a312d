import { createRequire } from "node:module";
import { afterEach, beforeEach, expect, it } from "vitest";
import { startOne, type Launched } from "../../tools/launcher.mjs";
import { Client } from "./client.ts";
import { Program } from "./program.ts";

const require = createRequire(import.meta.url);
const wscatPath = require.resolve("wscat/bin/wscat");

/** Whatever the prompt has left of the line before. */
const line = (pattern: string): RegExp => new RegExp(`^(?:> )*${pattern}$`, "m");

let launched: Launched;
let wscat: Program | undefined;

beforeEach(async () => {
  launched = await startOne("express", { host: "127.0.0.1", port: 0 });
});
afterEach(async () => {
  wscat?.signalGroup("SIGKILL");
  await launched.close();
});

/** A wscat, and another client that was there before it. */
async function open(...args: readonly string[]): Promise<{ readonly typed: (text: string, answer: string) => Promise<string>; readonly other: Client }> {
  const url = `ws://127.0.0.1:${launched.demos[0]?.port}/ws`;
  const other = await Client.connect(url);
  other.send(JSON.stringify({ type: "hello" }));
  await other.receive("welcome");
  const running = (wscat = new Program(process.execPath, [wscatPath, "--connect", url, ...args]));
  await other.receive('"joined"');
  return {
    other,
    typed: async (text, answer) => {
      if (text !== "") running.writeLine(text);
      return (await running.wrote(line(answer)))[1] ?? "";
    },
  };
}

it("wscat uses every feature for plain clients", async () => {
  const { typed, other } = await open();
  // Without a terminal wscat loses what is typed before it is connected, and only a message shows that it is.
  other.send("ready?");
  await typed("", ".* echo: ready\\?");
  await typed("hello from wscat", "127\\.0\\.0\\.1:\\d+ echo: hello from wscat");
  expect(await other.receive("hello from wscat")).toMatch(/^127\.0\.0\.1:\d+ echo: hello from wscat$/);
  await typed('{"type":"nonsense"}', '{"type":"error","payload":{"code":"unknown-type",.*}}');

  const id = await typed('{"type":"hello"}', '{"type":"welcome","payload":{"id":"([^"]+)",.*}}');
  other.send(JSON.stringify({ type: "direct", payload: { to: id, text: "psst" } }));
  await typed("", `{"type":"direct","payload":{"from":"[^"]+","to":"${id}","text":"psst"}}`);
  await typed(`{"type":"direct","payload":{"to":"${id}","text":"note"}}`, `{"type":"direct","payload":{"from":"${id}","to":"${id}","text":"note"}}`);
  await typed('{"type":"join","payload":{"room":"tea"}}', '{"type":"room-joined","payload":{"room":"tea","count":1}}');
  await typed('{"type":"say","payload":{"room":"tea","text":"hi"}}', `{"type":"room","payload":{"room":"tea","from":"${id}","text":"hi"}}`);
  await typed('{"type":"leave","payload":{"room":"tea"}}', '{"type":"room-left","payload":{"room":"tea"}}');
  await typed('{"type":"say","payload":{"room":"tea","text":"hi"}}', '{"type":"error","payload":{"code":"not-in-room",.*}}');
});

it("wscat -s upwire.v1 uses every feature of the protocol that is text", async () => {
  const { typed, other } = await open("--subprotocol", "upwire.v1");
  const id = await typed("", '{"type":"upwire.hello","payload":{"connectionId":"([^"]+)",.*}}');
  await typed('{"type":"upwire.ping","id":1}', '{"re":1}');

  // An event, which another one gets.
  const v1 = await Client.connect(`ws://127.0.0.1:${launched.demos[0]?.port}/ws`, { protocol: "upwire.v1" });
  await typed('{"type":"typing","payload":{}}\n{"type":"upwire.ping","id":101}', '{"re":101}');
  expect(await v1.receive('"typing"')).toMatch(/^{"type":"typing","payload":{"address":"127\.0\.0\.1:\d+"}}$/);
  v1.send(JSON.stringify({ type: "direct", id: 1, payload: { to: id, text: "psst" } }));
  await typed("", `{"type":"direct","payload":{"from":"[^"]+","to":"${id}","text":"psst"}}`);
  v1.close();

  // A topic with a state, and one with a history.
  await typed('{"type":"upwire.subscribe","id":2,"topic":"people"}', `{"re":2,"payload":{.*"state":\\[.*"${id}".*\\].*}}`);
  const epoch = await typed('{"type":"upwire.subscribe","id":3,"topic":"lobby"}', '{"re":3,"payload":{.*"epoch":"([^"]+)".*}}');
  other.send("from plain");
  await typed("", '{.*"topic":"lobby".*"offset":1,.*"text":"from plain".*}');

  // A request with a key is done once.
  await typed('{"type":"say","id":4,"key":"k1","payload":{"text":"from wscat"}}', '{"re":4,"payload":{"offset":2}}');
  await typed("", '{.*"topic":"lobby".*"offset":2,.*"text":"from wscat".*}');
  await typed('{"type":"say","id":5,"key":"k1","payload":{"text":"from wscat"}}', '{"re":5,"payload":{"offset":2}}');
  expect(await other.receive("from wscat")).toMatch(/^127\.0\.0\.1:\d+ echo: from wscat$/);
  await typed('{"type":"upwire.cancel","re":5}\n{"type":"upwire.ping","id":6}', '{"re":6}');

  // Away, and back to where it was.
  await typed('{"type":"upwire.unsubscribe","id":7,"topic":"lobby"}', '{"re":7}');
  other.send("while away");
  await other.receive("while away");
  await typed(`{"type":"upwire.subscribe","id":8,"topic":"lobby","since":{"epoch":"${epoch}","offset":2}}`, '{"re":8,"payload":{.*"resumed":true.*}}');
  await typed("", '{.*"topic":"lobby".*"offset":3,.*"text":"while away".*}');
  await typed('{"type":"upwire.subscribe","id":9,"topic":"lobby","since":{"last":1}}', '{"re":9,"payload":{.*"after":2,.*}}');

  // A room, with a plain client in it.
  other.send(JSON.stringify({ type: "join", payload: { room: "tea" } }));
  await other.receive("room-joined");
  await typed('{"type":"upwire.subscribe","id":10,"topic":"room:tea"}', '{"re":10,"payload":{.*"state":{"count":2}.*}}');
  await typed(`{"type":"room","topic":"room:tea","id":11,"payload":{"room":"tea","from":"${id}","text":"published"}}`, '{"re":11,"payload":{"offset":1}}');
  expect(await other.receive("published")).toBe(`{"type":"room","payload":{"room":"tea","from":"${id}","text":"published"}}`);

  // What is wrong is answered, and the connection lives on.
  await typed(`{"type":"direct","id":12,"payload":{"to":"nobody","text":"x"}}`, '{"re":12,"error":{"code":"unknown_client",.*}}');
  await typed('{"type":"nonsense","id":13}', '{"re":13,"error":{"code":"unknown_type",.*}}');
  await typed('{"type":"say","id":14,"payload":{}}', '{"re":14,"error":{"code":"invalid_payload",.*}}');
  await typed("no JSON", '{"type":"upwire.error","payload":{"code":"bad_message",.*}}');
  await typed('{"type":"upwire.subscribe","id":15,"topic":"clock"}', '{"re":15,"payload":{"resumed":false}}');
  await typed("", '{.*"topic":"clock".*"type":"time".*"payload":{"time":"\\d\\d:\\d\\d:\\d\\d"}}');
});
