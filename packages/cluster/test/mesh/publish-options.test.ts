// What a publish is given comes to the home, and counts there.
import type { PublishOptions } from "@upwire/cluster/broker";
import { FakeClock } from "@upwire/testing";
import { expect, it } from "vitest";
import { Histories } from "../../src/broker/histories.ts";
import { BatchReader } from "../../src/mesh/batch-reader.ts";
import { messages } from "../../src/mesh/frames.ts";
import { Home } from "../../src/mesh/home.ts";
import { readPublish, type Published } from "../../src/mesh/messages.ts";
import { FakeNode, frameOf } from "./fake-node.ts";
import { newFolder, startNode, until } from "./mesh-bench.ts";

const history = { messages: 1000, bytes: 1000, ageMs: 60_000 };
/** The compiler finds an option of the seam that is missing here. */
const all: Required<PublishOptions> = { history, key: "the key", keyMs: 5000, keyOwner: "an owner", origin: "an origin" };

it("carries every option of the seam to another node that is the home", async () => {
  const folder = newFolder();
  const node = await startNode({ folder });
  const home = await FakeNode.join(folder, node.broker.node, { node: "fake-home", rank: 1 });
  await until("it asks the home", () => home.messages.some(({ kind }) => kind === messages.again));
  node.broker.publish("a", "x", all).catch(() => {});
  const asked = (): { readonly bytes: Buffer } | undefined => home.messages.find(({ kind }) => kind === messages.publish);
  await until("the home is asked", () => asked() !== undefined);
  // A message has the form of a frame, but for the order of its kind and its length.
  const content = asked()?.bytes ?? Buffer.alloc(0);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  const reader = new BatchReader(Buffer.concat([Buffer.from([messages.publish]), length, content]));
  reader.next();
  expect(readPublish(reader)).toMatchObject({ topic: "a", data: "x", ...all });
  home.output.write(frameOf(99, {}));
  home.close();
});

it("forgets first the keys of an owner who has the most, whichever node has published", () => {
  const clock = new FakeClock();
  const answers: (Published | undefined)[] = [];
  const home = new Home({
    clock,
    self: "this-node",
    maxBytes: undefined,
    inheritance: { histories: new Histories({ clock, maxKeys: 4 }), publishers: [] },
    awaited: [],
    link: () => undefined,
    entry: () => {},
    answered: (_number, published) => answers.push(published),
    isSure: () => true,
    due: () => {},
  });
  let number = 0;
  const publish = (key: string, keyOwner: string): boolean | undefined => {
    const before = answers.length;
    const request = { number: ++number, topic: "a", data: "x", history, key, keyMs: undefined, keyOwner, origin: undefined };
    home.publish("this-node", request, number);
    home.flushed();
    return answers[before]?.repeated;
  };
  publish("of one who has few", "few");
  for (let count = 0; count < 10; count++) publish(`flood ${count}`, "many");
  expect(publish("of one who has few", "few")).toBe(true);
});
