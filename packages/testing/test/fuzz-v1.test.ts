import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { attach, websocket, type Connection } from "@upwire/core";
import { encodeBinaryFrame } from "@upwire/protocol";
import { runFuzz } from "@upwire/testing";
import { expect, it, onTestFinished } from "vitest";
import { V1Judge } from "../src/fuzz/v1-judge.ts";
import { v1Talks } from "../src/fuzz/v1-talks.ts";

const hello = '{"type":"upwire.hello","payload":{}}';

it("begins from what clients say in the vectors", () => {
  const talks = v1Talks();
  expect(talks.length).toBeGreaterThan(50);
  expect(talks.flat().some((message) => typeof message !== "string")).toBe(true);
  expect(talks).toEqual(v1Talks());
});

it.each<[string, readonly (string | Buffer)[], string | undefined]>([
  [
    "good messages",
    [hello, '{"re":1}', '{"re":2,"error":{"code":"internal","message":"","retryable":false}}', '{"topic":"a","offset":1,"type":"x"}'],
    undefined,
  ],
  ["good bytes", [hello, Buffer.from(encodeBinaryFrame({ re: 1 }, Buffer.from("raw")))], undefined],
  ["a message before hello", ['{"re":1}'], "a message before hello"],
  ["two hellos", [hello, hello], "a second hello"],
  ["no JSON", [hello, "hi"], "no object"],
  ["a list", [hello, "[]"], "no object"],
  ["bytes without a header", [hello, Buffer.from("raw")], "no object"],
  ["no type", [hello, '{"payload":1}'], "without a type"],
  ["no id", [hello, '{"re":0}'], "a reply to no id"],
  ["an error without a code", [hello, '{"re":1,"error":{"message":"","retryable":false}}'], "an error that is none"],
  ["an offset of no topic", [hello, '{"type":"x","offset":1}'], "without its topic"],
])("the judge of upwire.v1 hears %s", (_, messages, why) => {
  const judge = new V1Judge();
  const [fault] = messages.map((message) => judge.faultOf(message)).filter((one) => one !== undefined);
  if (why === undefined) expect(fault).toBeUndefined();
  else expect(fault).toContain(why);
});

it("finds a server of upwire.v1 that answers what it does not understand with something else", async () => {
  const open = (connection: Connection): void => void (connection.subprotocol === "" || connection.send(hello));
  const route = websocket(
    {
      open,
      // It echoes, and so says things that only a client may say.
      message: (connection, message) => connection.send(message),
    },
    { subprotocols: ["upwire.v1"] },
  );
  const server = createServer((req, res) => void route(req, res));
  const attachment = attach(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(async () => {
    await attachment.close({ graceMs: 100 });
    server.close();
  });
  const { findings } = await runFuzz(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, { v1: true, seed: 3, inputs: 200, concurrency: 8 });
  expect(findings.map(({ why }) => why).join("\n")).toContain("a message of upwire.v1 that is no object");
}, 30_000);
