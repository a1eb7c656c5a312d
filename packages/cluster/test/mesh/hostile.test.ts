// Whatever a peer writes, and whatever is done to a node while it starts or ends: the process lives, and the node works.
import { once } from "node:events";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import { meshBroker } from "@upwire/cluster/mesh";
import { describe, expect, it } from "vitest";
import { noteUncaught } from "../../../testing/src/note-uncaught.ts";
import type { BatchWriter } from "../../src/mesh/batch-writer.ts";
import { frames, messages } from "../../src/mesh/frames.ts";
import { writeBounds, writePublish, type PublishRequest } from "../../src/mesh/messages.ts";
import { FakeNode, frameOf, hello } from "./fake-node.ts";
import { newFolder, startNode, until, type StartedNode } from "./mesh-bench.ts";

const history = { messages: 10, bytes: 1000, ageMs: 60_000 };
const MOST = 2 ** 53 - 1;
const uncaught = noteUncaught();

type Write = (writer: BatchWriter) => void;

const publish = (changed: Partial<PublishRequest>, unanswered: number = 1): Write => {
  const request = { number: 1, topic: "a", data: "x", history, key: "key", keyMs: 5, keyOwner: "o", origin: "o", ...changed };
  return (writer) => writePublish(writer, request, unanswered);
};
const subscribe = (bounds: Partial<typeof history>): Write => {
  return (writer) => {
    writer.begin(messages.subscribe).number(1).text("a");
    writeBounds(writer, { ...history, ...bounds });
    writer.end();
  };
};
const moved = (json: string): Write => {
  return (writer) => writer.begin(messages.moved).text(json).end();
};
const inherit = (json: string): Write => {
  return (writer) => {
    writer.begin(messages.inheritance).number(0).rawText(json).end();
    writer.begin(messages.inherit).number(json.length).end();
  };
};

const numbers = [Number.NaN, Infinity, -Infinity, -1, 0, 2 ** 31, MOST];
/** Messages that are complete, and whose fields say what no node says. */
const lies: Readonly<Record<string, Write>> = {
  ...Object.fromEntries(numbers.map((ageMs) => [`subscribe for ${ageMs} ms`, subscribe({ ageMs })])),
  ...Object.fromEntries(numbers.map((ageMs) => [`publish for ${ageMs} ms`, publish({ history: { ...history, ageMs } })])),
  ...Object.fromEntries(numbers.map((keyMs) => [`publish with a key for ${keyMs} ms`, publish({ keyMs })])),
  "a first publish without an answer behind the publish": publish({}, MOST),
  "the highest numbers after a low one": (writer) => {
    publish({})(writer);
    publish({ number: MOST }, MOST)(writer);
  },
  ...Object.fromEntries(
    ["null", "5", "[]", "{", '"x"', "{}", '{"heir":{},"rank":"x"}', '{"heir":"abcdefgh","rank":null}', '{"heir":"abcdefgh","rank":-1}'].map((json) => [
      `moved ${json}`,
      moved(json),
    ]),
  ),
  ...Object.fromEntries(
    ["null", "5", "{}", "[null]", '[{"node":"abcdefgh","last":1,"answers":5}]', '[{"node":"abcdefgh","last":1,"answers":[[1,null]]}]'].map((json) => [
      `publishers ${json}`,
      inherit(json),
    ]),
  ),
};

/** What any field may look like. */
const fillings: Readonly<Record<string, Write>> = {
  nothing: () => {},
  "the highest numbers": (writer) => {
    for (let field = 0; field < 8; field++) writer.number(MOST);
  },
  zeros: (writer) => void writer.rawBytes(new Uint8Array(40)),
  "bytes of 255": (writer) => void writer.rawBytes(new Uint8Array(40).fill(255)),
  "JSON that is no object": (writer) => void writer.rawText("null"),
};

describe("a peer that lies", () => {
  let count = 0;

  async function told(write: Write): Promise<StartedNode> {
    const folder = newFolder();
    const node = await startNode({ folder });
    await node.broker.subscribe("a", { history });
    await node.broker.subscribe("b");
    const fake = await FakeNode.join(folder, node.broker.node, { node: `fake-node-${++count}` });
    write(fake.writer);
    if (fake.writer.length > 0) fake.send();
    fake.writer.begin(messages.ask).end();
    fake.send();
    await until("it is read", () => fake.isClosed || fake.received.some(({ kind, frame }) => kind === frames.ack && frame.toString("utf8", 5) !== "0"));
    await turn();
    fake.close();
    expect(uncaught.splice(0)).toEqual([]);
    return node;
  }

  it.each(Object.entries(lies))("%s", async (_name, write) => {
    const { broker } = await told(write);
    expect(await broker.publish("c", "x", { history })).toMatchObject({ position: { offset: 1 } });
  });

  const kinds = Object.entries(messages).flatMap(([name, kind]) => Object.entries(fillings).map(([filling, fill]) => ({ name, kind, filling, fill })));
  it.each(kinds)("$name with $filling", async ({ kind, fill }) => {
    await told((writer) => {
      writer.begin(kind);
      fill(writer);
      writer.end();
    });
  });

  it("may name any rank that it took this node for dead with, and keeps no other node out", async () => {
    const folder = newFolder();
    const { broker } = await startNode({ folder });
    const fake = await FakeNode.connect(folder, broker.node);
    fake.output.write(frameOf(frames.hello, { ...hello, dead: MOST }));
    await fake.next(frames.welcome);
    fake.close();
    const other = await startNode({ folder });
    expect(other.broker.nodes()).toHaveLength(2);
  });
});

it("leaves no socket when it is closed while it starts, whenever that is", async () => {
  const folder = newFolder();
  const { broker: first } = await startNode({ folder });
  for (let turns = 0; turns < 40; turns++) {
    const broker = meshBroker({ folder });
    const starting = Promise.resolve(broker.start({ message() {}, top() {}, gap() {}, state() {}, told() {}, nodes() {} })).catch(() => {});
    for (let left = turns; left > 0; left--) await turn();
    await broker.close();
    await starting;
    expect([turns, readdirSync(folder)]).toEqual([turns, [`${first.node}.sock`]]);
    await expect(broker.start({} as never)).rejects.toThrow("this broker has been closed");
  }
});

it("ends when its folder has become something else", async () => {
  const folder = newFolder();
  const { broker } = await startNode({ folder });
  const stranger = await FakeNode.connect(folder, broker.node);
  rmSync(folder, { recursive: true });
  writeFileSync(folder, "");
  await broker.close();
  if (!stranger.isClosed) await once(stranger.output, "close");
  expect(existsSync(folder)).toBe(true);
});

it.each([
  [{ foldr: "x" }, 'meshBroker: there is no option "foldr"; write "folder"'],
  [{ folder: 5 }, "meshBroker: folder: 5 is not allowed; give the path of a folder"],
  [{ folder: "" }, 'meshBroker: folder: "" is not allowed; give the path of a folder'],
  [{ name: "" }, 'meshBroker: name: "" is not allowed; give 1 to 64 characters'],
  [{ name: "x".repeat(65) }, "is not allowed; give 1 to 64 characters"],
  [{ onError: 5 }, "meshBroker: onError: 5 is not allowed; give a function"],
  [{ clock: {} }, "meshBroker: clock: an object is not allowed; give an object with the functions now, after and every"],
  [null, "meshBroker: the options are null; give an object with options"],
])("refuses the options %j", (options, message) => {
  expect(() => meshBroker(options as never)).toThrow(message);
});
