// What comes from outside: the folder, what is in it, and who connects.
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { meshBroker } from "@upwire/cluster/mesh";
import { expect, it } from "vitest";
import { flags, frames, messages } from "../../src/mesh/frames.ts";
import { FakeNode, frameOf, hello } from "./fake-node.ts";
import { newFolder, startNode, until } from "./mesh-bench.ts";

it("makes the folder for its owner alone", async () => {
  const folder = join(newFolder(), "made");
  await startNode({ folder });
  expect(statSync(folder).mode & 0o777).toBe(0o700);
});

it("refuses a folder that others may enter, and says what is right", async () => {
  const folder = newFolder();
  chmodSync(folder, 0o755);
  await expect(startNode({ folder })).rejects.toThrow(`the folder ${folder} has the mode 0755, where 0700 is needed`);
});

it("refuses a file in place of the folder", async () => {
  const path = join(newFolder(), "file");
  writeFileSync(path, "");
  await expect(startNode({ folder: path })).rejects.toThrow(`${path} is not a directory`);
});

it.skipIf(process.getuid?.() === 0)("refuses a folder of another user", async () => {
  await expect(startNode({ folder: "/usr" })).rejects.toThrow("/usr belongs to the user 0");
});

it("says that the path of the folder is too long, and for what", async () => {
  const folder = join(newFolder(), "x".repeat(80));
  await expect(startNode({ folder })).rejects.toThrow(/the folder .*x{80} has a path of \d+ bytes, where at most \d+ are allowed/);
  // The longest that is allowed works.
  const base = newFolder();
  const longest = join(base, "x".repeat((process.platform === "linux" ? 85 : 81) - base.length - 1));
  await startNode({ folder: longest });
});

it("refuses options that cannot be meant", () => {
  expect(() => meshBroker({ maxQueueBytes: 1000 })).toThrow("maxQueueBytes: 1000 is not allowed; give 1048576 to 67108864 bytes");
  expect(() => meshBroker({ maxHistoryBytes: -1 })).toThrow(RangeError);
});

it("leaves nodes with another name alone, and does not show them", async () => {
  const folder = newFolder();
  const [shop, forum, second] = [
    await startNode({ folder, name: "shop" }),
    await startNode({ folder, name: "forum" }),
    await startNode({ folder, name: "shop" }),
  ];
  expect(shop.broker.nodes()).toHaveLength(2);
  expect(forum.broker.nodes()).toEqual([forum.broker.node]);
  await forum.broker.subscribe("a");
  await second.broker.subscribe("a");
  expect(await shop.broker.publish("a", "x")).toMatchObject({ others: 1 });
  await until("the other one is told", () => second.told.length === 1);
  expect(forum.told).toEqual([]);
  expect([shop, forum].flatMap(({ errors }) => errors)).toEqual([]);
});

it("removes the socket of a process that has ended, and keeps a file that is none", async () => {
  const folder = newFolder();
  const stale = join(folder, "stale-node-00000.sock");
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(join(folder, "other"), resolve));
  renameSync(join(folder, "other"), stale);
  await new Promise<void>((resolve) => void server.close(() => resolve()));
  const file = join(folder, "plain-file-00000.sock");
  writeFileSync(file, "mine");
  mkdirSync(join(folder, "some-directory-0.sock"));
  expect(existsSync(stale)).toBe(true);
  const { broker } = await startNode({ folder });
  expect(broker.nodes()).toEqual([broker.node]);
  expect(readdirSync(folder).toSorted()).toEqual([`${broker.node}.sock`, "plain-file-00000.sock", "some-directory-0.sock"].toSorted());
});

it("counts garbage and frames that say they are too long, ends their connections, and works on", async () => {
  const folder = newFolder();
  const [one, other] = [await startNode({ folder }), await startNode({ folder })];
  await other.broker.subscribe("a");
  const garbage = [
    "GET / HTTP/1.1\r\n\r\n",
    Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 0]),
    Buffer.alloc(5),
    frameOf(frames.hello, { magic: "other" }),
    frameOf(frames.hello, Buffer.from("{")),
    frameOf(99, {}),
  ];
  for (const bytes of garbage) {
    const stranger = await FakeNode.connect(folder, one.broker.node);
    stranger.output.write(bytes);
    await until("it is cut off", () => stranger.isClosed);
  }
  expect(one.broker.stats.foreign).toBe(garbage.length);
  expect(one.errors).toHaveLength(garbage.length);
  expect(await one.broker.publish("a", "x")).toMatchObject({ others: 1 });
  await until("it is told", () => other.told.length === 1);
});

it("takes no more than 256 connections that say nothing, and meets a node all the same when they are gone", async () => {
  const folder = newFolder();
  const { broker } = await startNode({ folder });
  const silent = await Promise.all(Array.from({ length: 300 }, () => FakeNode.connect(folder, broker.node)));
  await until("the last ones are cut off", () => silent.filter(({ isClosed }) => isClosed).length === 44);
  for (const stranger of silent) stranger.close();
  const other = await startNode({ folder });
  expect(other.broker.nodes()).toHaveLength(2);
});

it("refuses a node that speaks newer versions only, and counts it", async () => {
  const folder = newFolder();
  const { broker, errors } = await startNode({ folder });
  const newer = await FakeNode.connect(folder, broker.node);
  newer.output.write(frameOf(frames.hello, { ...hello, version: 3, oldest: 2 }));
  expect((await newer.next(frames.refused)).toString()).toContain('"reason":"version"');
  await until("it is cut off", () => newer.isClosed);
  expect(broker.stats.foreign).toBe(1);
  expect(errors[0]?.message).toContain("speaks another version of the mesh");
  expect(broker.nodes()).toEqual([broker.node]);
});

it("works with a node of the next version: skips frames, messages, members and fields that it does not know", async () => {
  const folder = newFolder();
  const { broker, told } = await startNode({ folder });
  await broker.subscribe("a");
  const next = await FakeNode.join(folder, broker.node, { version: 2, oldest: 1, later: { any: "thing" } });
  await until("it is told what is wanted", () => next.messages.some(({ kind }) => kind === messages.want));
  next.output.write(frameOf(200, { new: true }));
  next.writer.begin(250).text("a message of a later version").end();
  next.writer.begin(messages.publication).number(1).byte(flags.text).rawText("known").end();
  next.send();
  await until("it is told", () => told.length === 1);
  expect(told).toEqual([["a", { data: "known", position: undefined, origin: undefined }]]);
  expect(broker.stats.foreign).toBe(0);
  next.close();
});

it("cuts off a peer that does not follow the format, once, and takes it back", async () => {
  const folder = newFolder();
  const { broker, told, errors } = await startNode({ folder });
  await broker.subscribe("a");
  const fake = await FakeNode.join(folder, broker.node);
  // A message that says it is longer than its batch.
  fake.output.write(frameOf(frames.batch, Buffer.from([messages.publication, 0, 0, 1, 0, 1])));
  await until("it is cut off", () => fake.isClosed);
  expect(errors.map(({ name }) => name)).toEqual(["MalformedFrame"]);
  // The batch counts as received: it does not come again.
  const again = await FakeNode.join(folder, broker.node, { received: null }, { restart: false, next: 2 });
  again.writer.begin(messages.publication).number(1).byte(flags.text).rawText("x").end();
  again.send();
  await until("it is told", () => told.length === 1);
  again.close();
});
