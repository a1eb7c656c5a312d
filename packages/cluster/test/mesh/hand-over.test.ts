// A home that closes and its heir: what the others hear of both in any order, and what can happen in the middle.
import { FakeClock } from "@upwire/testing";
import { expect, it } from "vitest";
import { Histories } from "../../src/broker/histories.ts";
import { frames, messages } from "../../src/mesh/frames.ts";
import { FakeNode, frameOf } from "./fake-node.ts";
import { newFolder, startNode, until, type StartedNode } from "./mesh-bench.ts";

const history = { messages: 1000, bytes: 100 * 1024 * 1024, ageMs: 60_000 };
/** By their names heirs come before homes of the same rank. */
const names = { home: "z-home-000", heir: "a-heir-000", next: "b-next-000" } as const;

/** A started node whose home is played, and the heir too. */
async function playedHome() {
  const folder = newFolder();
  const node = await startNode({ folder });
  const home = await FakeNode.join(folder, node.broker.node, { node: names.home, rank: 1 });
  const heir = await FakeNode.join(folder, node.broker.node, { node: names.heir, rank: 2 });
  // The first batch of a link is what its node tells anew.
  await said(heir, node);
  await until("the node asks the home", () => asked(home, messages.again) > 0);
  const outcomes: unknown[] = [];
  const publish = (data: string): void =>
    void node.broker.publish("a", data, { history }).then(
      ({ position }) => outcomes.push(position),
      (error: Error) => outcomes.push(error.message),
    );
  publish("answered");
  publish("not answered");
  await until("the home is asked", () => asked(home, messages.publish) === 2);
  return { folder, node, home, heir, outcomes };
}

function asked(fake: FakeNode, wanted: number): number {
  return fake.messages.filter(({ kind }) => kind === wanted).length;
}

/** The numbers of the publishes that it was asked for. */
function publishes(fake: FakeNode): (number | undefined)[] {
  return fake.messages.flatMap(({ kind, bytes }) => (kind === messages.publish ? [bytes[0]] : []));
}

/** Sends what was written, and waits until the node has read it. */
async function said(fake: FakeNode, node: StartedNode): Promise<void> {
  const before = node.heard.length;
  fake.writer.begin(messages.tell).rawText("read").end();
  fake.send();
  await until("it is read", () => node.heard.length > before);
}

function claim(heir: FakeNode, of: string): FakeNode {
  heir.writer.begin(messages.rank).number(1).text(of).end();
  return heir;
}

function move(home: FakeNode, heir: string): FakeNode {
  home.writer
    .begin(messages.moved)
    .text(JSON.stringify({ heir, rank: 1 }))
    .end();
  return home;
}

function answer(fake: FakeNode, number: number): FakeNode {
  fake.writer.begin(messages.published).number(number).byte(0).number(0).text("epoch").number(number).end();
  return fake;
}

it("waits for the home's word when it hears its heir first, and asks that one then what has no answer", async () => {
  const { node, home, heir, outcomes } = await playedHome();
  await said(claim(heir, names.home), node);
  await said(answer(home, 1), node);
  expect([asked(heir, messages.again), outcomes]).toEqual([0, [{ epoch: "epoch", offset: 1 }]]);
  await said(move(home, names.heir), node);
  await until("the heir is asked", () => publishes(heir).length > 0);
  expect(publishes(heir)).toEqual([2]);
  await said(answer(heir, 2), node);
  expect(outcomes).toEqual([1, 2].map((offset) => ({ epoch: "epoch", offset })));
});

it("asks the heir at the home's word, and once only, when it hears that first", async () => {
  const { node, home, heir, outcomes } = await playedHome();
  await said(move(answer(home, 1), names.heir), node);
  await said(claim(heir, names.home), node);
  await until("the heir is asked", () => publishes(heir).length > 0);
  await said(answer(heir, 2), node);
  expect([publishes(heir), outcomes]).toEqual([[2], [1, 2].map((offset) => ({ epoch: "epoch", offset }))]);
});

it("asks the heir when the home ends and could not say that it has handed over", async () => {
  const { node, home, heir, outcomes } = await playedHome();
  await said(claim(heir, names.home), node);
  home.writer.begin(messages.bye).end();
  home.send();
  await until("the heir is asked", () => publishes(heir).length === 2);
  await said(answer(answer(heir, 1), 2), node);
  expect(outcomes).toEqual([1, 2].map((offset) => ({ epoch: "epoch", offset })));
});

it("rejects what has no answer when the home ends and there is no heir", async () => {
  const { node, home, heir, outcomes } = await playedHome();
  home.writer.begin(messages.bye).end();
  home.send();
  await until("all are rejected", () => outcomes.length === 2);
  expect(outcomes).toEqual(Array(2).fill("publish: the node with the histories has ended; it may have taken effect"));
  expect([publishes(heir), node.broker.nodes().length]).toEqual([[], 2]);
});

// All orders of what is heard of two hand-overs that follow each other: each node's own words stay in their order.
const chain = ["heir claims", "heir moves", "next claims", "home moves"] as const;
for (const orderOf of permutations(chain).filter((order) => order.indexOf("heir claims") < order.indexOf("heir moves"))) {
  it(`comes to the last of two that followed each other: ${orderOf.join(", ")}`, async () => {
    const { folder, node, home, heir, outcomes } = await playedHome();
    const next = await FakeNode.join(folder, node.broker.node, { node: names.next, rank: 3 });
    for (const what of orderOf) {
      if (what === "heir claims") await said(claim(heir, names.home), node);
      else if (what === "heir moves") await said(move(heir, names.next), node);
      else if (what === "next claims") await said(claim(next, names.heir), node);
      else await said(move(home, names.heir), node);
    }
    await until("the last one is asked", () => publishes(next).length === 2);
    await said(answer(answer(next, 1), 2), node);
    expect(outcomes).toEqual([1, 2].map((offset) => ({ epoch: "epoch", offset })));
  });
}

function permutations<T>(of: readonly T[]): T[][] {
  return of.length < 2 ? [[...of]] : of.flatMap((first) => permutations(of.filter((each) => each !== first)).map((rest) => [first, ...rest]));
}

/** A home that has published three times, another node, and a played heir that started between them. */
async function playedHeir({ clock }: { readonly clock?: FakeClock } = {}) {
  const folder = newFolder();
  const home = await startNode({ folder, ...(clock !== undefined && { clock }) });
  // It has no socket: the other node, which starts later, does not meet it.
  const heir = await FakeNode.join(folder, home.broker.node, { node: names.heir, rank: Number(process.hrtime.bigint() / 1000n), received: null });
  let epoch: string | undefined;
  for (const data of ["1", "2", "3"]) epoch = (await home.broker.publish("a", data, { history })).position?.epoch;
  return { folder, home, heir, epoch };
}

/** Acknowledges all batches, as a node that lives. */
function acknowledge(fake: FakeNode): () => void {
  let acked = 0;
  let isOver = false;
  const turn = (): void => {
    if (isOver) return;
    if (fake.batches > acked) fake.output.write(frameOf(frames.ack, (acked = fake.batches)));
    setImmediate(turn);
  };
  turn();
  return () => void (isOver = true);
}

async function goesOn(node: StartedNode, epoch: string | undefined): Promise<void> {
  expect(await node.broker.publish("a", "4", { history })).toMatchObject({ position: { epoch, offset: 4 } });
  expect((await node.broker.history("a", 0, 10)).publications.map(({ data }) => data)).toEqual(["1", "2", "3", "4"]);
}

for (const when of ["with the first part", "with all of it", "once it knows that it is the home"]) {
  it(`takes another heir when the first one ends ${when}`, async () => {
    const { folder, home, heir, epoch } = await playedHeir();
    const stop = acknowledge(heir);
    const other = await startNode({ folder });
    const closing = home.broker.close();
    const last = when === "with the first part" ? messages.inheritance : messages.inherit;
    await until("it is handed over", () => asked(heir, last) > 0);
    if (when === "once it knows that it is the home") {
      stop();
      heir.writer.begin(messages.inherited).end();
      heir.send();
      await until("it is told", () => asked(heir, messages.moved) > 0);
      expect(asked(heir, messages.bye)).toBe(0);
    }
    heir.writer.begin(messages.bye).end();
    heir.send();
    await closing;
    stop();
    await goesOn(other, epoch);
  });
}

it("takes another heir when the first one is silent", async () => {
  const clock = new FakeClock();
  const { folder, home, heir, epoch } = await playedHeir({ clock });
  const stop = acknowledge(heir);
  // It lives by the same clock.
  const other = await startNode({ folder, clock });
  stop();
  let isClosed = false;
  const closing = home.broker.close().then(() => void (isClosed = true));
  await until("it is handed over", () => asked(heir, messages.inheritance) > 0);
  await until("it is taken for dead", () => {
    clock.advance(10);
    return isClosed;
  });
  await closing;
  await goesOn(other, epoch);
});

it("refuses an inheritance that is malformed, and works on", async () => {
  const folder = newFolder();
  const node = await startNode({ folder });
  const fake = await FakeNode.join(folder, node.broker.node);
  fake.writer.begin(messages.inheritance).number(0).rawText("[]garbage").end();
  fake.writer.begin(messages.inherit).number(2).end();
  fake.send();
  await until("it is counted", () => node.broker.stats.foreign === 1);
  expect(node.errors[0]?.message).toBe("an inheritance is malformed");
  expect((await node.broker.publish("a", "x", { history })).position?.offset).toBe(1);
  fake.close();
});

it("hands over to a node that is about to start, at any moment of its start", async () => {
  let moments = 0;
  // So many turns of the event loop later; where those are short, until the start is seen.
  for (let turns = 0; turns < 30 || (moments === 0 && turns < 1000); turns++) {
    const folder = newFolder();
    const home = await startNode({ folder });
    const { position } = await home.broker.publish("a", "1", { history });
    const starting = startNode({ folder });
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => void setImmediate(resolve));
    const isKnown = home.broker.nodes().length === 2;
    await home.broker.close();
    const next = await starting;
    const after = (await next.broker.publish("a", "2", { history })).position;
    if (isKnown) moments++;
    if (isKnown) expect(after).toEqual({ epoch: position?.epoch, offset: 2 });
    await next.broker.close();
  }
  expect(moments).toBeGreaterThan(0);
});

it("keeps everything when two nodes close at once, at any moment of the first hand-over", async () => {
  for (let turns = 0; turns < 20; turns++) {
    const folder = newFolder();
    const [home, heir, last] = [await startNode({ folder }), await startNode({ folder }), await startNode({ folder })];
    await last.broker.subscribe("a", { history });
    const { position } = await home.broker.publish("a", "1", { history });
    const outcomes = Promise.all(["2", "3"].map((data) => last.broker.publish("a", data, { history })));
    const closing = [home.broker.close()];
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => void setImmediate(resolve));
    closing.push(heir.broker.close());
    await Promise.all(closing);
    expect((await outcomes).map(({ position: at }) => at)).toEqual([2, 3].map((offset) => ({ epoch: position?.epoch, offset })));
    await last.broker.close();
  }
}, 20_000);

it("hands over more than may wait for a node, with many publishes that are not answered", async () => {
  const folder = newFolder();
  const maxQueueBytes = 1024 * 1024;
  const home = await startNode({ folder, maxQueueBytes });
  const data = "x".repeat(200_000);
  for (let number = 0; number < 40; number++) await home.broker.publish("large", data, { history });
  const next = await startNode({ folder, maxQueueBytes });
  const outcomes = Array.from({ length: 5000 }, (_, number) => next.broker.publish("many", String(number), { history }));
  await until("the home has some", () => home.broker.stats.queued === 0);
  await home.broker.close();
  expect((await Promise.all(outcomes)).map(({ position }) => position?.offset)).toEqual(outcomes.map((_, at) => at + 1));
  expect(await next.broker.history("large", 0, 1)).toMatchObject({ top: 40, first: 1 });
}, 10_000);

it("answers nothing as an heir before every other node has subscribed again there, and the home has said that it is the only one", async () => {
  const folder = newFolder();
  const node = await startNode({ folder });
  const home = await FakeNode.join(folder, node.broker.node, { node: names.home, rank: 1 });
  const other = await FakeNode.join(folder, node.broker.node, { node: names.next, rank: 9e15 });
  await until("the node asks the home", () => asked(home, messages.again) > 0);
  home.writer
    .begin(messages.inheritance)
    .number(0)
    .rawBytes(Buffer.concat([Buffer.from("[]"), new Histories({ clock: new FakeClock() }).save()]))
    .end();
  home.writer.begin(messages.inherit).number(2).end();
  await said(move(home, node.broker.node), node);
  const outcomes: unknown[] = [];
  void node.broker.publish("a", "1", { history }).then(({ others }) => outcomes.push(others));
  other.writer.begin(messages.again).number(1).end();
  await said(other, node);
  home.writer.begin(messages.onlyHeir).end();
  await said(home, node);
  expect(outcomes).toEqual([]);
  other.writer.begin(messages.subscribe).number(7).text("a").number(1000).number(1e6).float(60_000).end();
  await said(other, node);
  await until("it is answered", () => outcomes.length > 0);
  // The other node has got it.
  expect([outcomes, asked(other, messages.entry)]).toEqual([[1], 1]);
  home.close();
  other.close();
});
