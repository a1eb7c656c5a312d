import { memoryBroker, shareBroker, type Broker, type BrokerSink, type SharedBroker } from "@upwire/cluster/broker";
import { describeBroker, FakeClock, linkedBrokers, type LinkedBrokers } from "@upwire/testing";
import { expect, it } from "vitest";

const history = { messages: 100, bytes: 1e6, ageMs: 60_000 };

describeBroker("part of a shared one", (setup) => shareBroker(memoryBroker(setup)).part("a"), {
  tops: "it loses nothing",
  nodes: "it is one process",
  cut: "it is one process",
});

const networks = new Map<string, LinkedBrokers>();

describeBroker(
  "part of shared ones on several nodes",
  ({ clock, network }) => {
    const linked = networks.get(network) ?? linkedBrokers({ clock });
    networks.set(network, linked);
    const inner = linked.broker();
    return { broker: shareBroker(inner).part("a"), cut: () => linked.cut(inner.node), mend: () => linked.mend(inner.node) };
  },
  { save: "its nodes share one memory" },
);

interface Noted {
  readonly broker: Broker;
  readonly notes: string[];
}

function started(broker: Broker): Noted {
  const notes: string[] = [];
  const sink: BrokerSink = {
    message: (topic, { data }) => void notes.push(`message ${topic} ${String(data)}`),
    top: (topic, { offset }) => void notes.push(`top ${topic} ${offset}`),
    gap: (topic) => void notes.push(`gap ${topic}`),
    state: (state) => void notes.push(`state ${state}`),
    told: (_, data) => void notes.push(`told ${new TextDecoder().decode(data)}`),
    nodes: (alive) => void notes.push(`nodes ${alive.length}`),
  };
  void broker.start(sink);
  return { broker, notes };
}

/** Two nodes, each shared by the parts "a" and "b". */
function twoNodes(): { linked: LinkedBrokers; one: { a: Noted; b: Noted; inner: Broker }; other: { a: Noted; b: Noted; inner: Broker } } {
  const linked = linkedBrokers({ clock: new FakeClock() });
  const node = (): { a: Noted; b: Noted; inner: Broker } => {
    const inner = linked.broker();
    const shared = shareBroker(inner);
    const [a, b] = [shared.part("a"), shared.part("b")];
    return { a: started(a), b: started(b), inner };
  };
  return { linked, one: node(), other: node() };
}

const text = (data: string): Uint8Array => new TextEncoder().encode(data);

it("keeps the topics of its parts apart, on all nodes", async () => {
  const { one, other } = twoNodes();
  for (const { a, b } of [one, other]) {
    await a.broker.subscribe("t", { history });
    await b.broker.subscribe("t");
  }
  other.a.notes.length = 0;
  const { position } = await one.a.broker.publish("t", "for a", { history, key: "key" });
  expect(await other.b.broker.publish("t", "for b", { key: "key" })).toMatchObject({ repeated: false, others: 1 });
  expect(other.a.notes).toEqual(["message t for a"]);
  expect(one.b.notes.filter((note) => note.startsWith("message"))).toEqual(["message t for b"]);
  expect((await other.a.broker.history("t", 0, 10)).publications).toEqual([{ offset: 1, data: "for a" }]);
  expect((await other.b.broker.history("t", 0, 10)).publications).toEqual([]);
  expect(position?.offset).toBe(1);
});

it("keeps what its parts tell apart, and tells all of them of nodes, states and losses", async () => {
  const { linked, one, other } = twoNodes();
  await one.a.broker.tell(other.a.broker.node, text("to a"));
  await one.b.broker.tell(undefined, text("to b"));
  await other.b.broker.subscribe("plain");
  await other.a.broker.subscribe("kept", { history });
  linked.cut(other.inner.node);
  await one.b.broker.publish("plain", "x");
  await one.a.broker.publish("kept", "x", { history });
  linked.mend(other.inner.node);
  expect(other.a.notes).toEqual(["told to a", "state down", "state up", "top kept 1"]);
  expect(other.b.notes).toEqual(["told to b", "state down", "state up", "gap plain"]);
  await other.a.broker.close();
  expect(one.b.notes.at(-1)).toBe("nodes 2");
  await other.b.broker.close();
  expect([one.a.notes.at(-1), one.b.notes.at(-1)]).toEqual(["nodes 1", "nodes 1"]);
});

it("starts with the first part, and closes with the last one", async () => {
  const inner = memoryBroker();
  const shared = shareBroker(inner);
  const [a, b] = [shared.part("a"), shared.part("b")];
  await expect(a.publish("t", "x")).rejects.toThrow("call start(sink) first");
  expect(inner.nodes()).toEqual([]);
  const { notes } = started(a);
  expect(inner.nodes()).toEqual([inner.node]);
  expect([a.node, b.node]).toEqual([inner.node, inner.node]);
  expect([a.nodes(), b.nodes()]).toEqual([[inner.node], []]);
  started(b);
  await a.subscribe("t");
  await b.subscribe("t");
  expect(inner.stats.subscriptions).toBe(2);
  await a.close();
  await a.close();
  expect(inner.stats.subscriptions).toBe(1);
  expect([a.state(), b.state(), inner.state()]).toEqual(["down", "up", "up"]);
  await b.publish("t", "x");
  expect(notes).toEqual([]);
  await b.close();
  expect(inner.state()).toBe("down");
});

it("makes a part of the same name once the first one is closed", async () => {
  const shared = shareBroker(memoryBroker());
  started(shared.part("other"));
  const first = shared.part("a");
  expect(() => shared.part("a")).toThrow('there is a part "a" that is not closed');
  await first.close();
  const { broker, notes } = started(shared.part("a"));
  await broker.subscribe("t");
  await broker.publish("t", "x");
  expect(notes).toEqual(["message t x"]);
  expect(() => first.start({} as BrokerSink)).toThrow('the part "a" of this broker has been closed');
});

it("refuses names that could meet those of other parts", () => {
  const shared: SharedBroker = shareBroker(memoryBroker());
  for (const name of ["", "a/b", "ä", "x".repeat(33)]) expect(() => shared.part(name)).toThrow(TypeError);
});

it("rejects all parts when the shared broker cannot start", async () => {
  const inner: Broker = Object.assign(memoryBroker(), { start: () => Promise.reject(new Error("wrong address")) });
  const shared = shareBroker(inner);
  const sink = {} as BrokerSink;
  for (const name of ["a", "b"]) await expect(async () => shared.part(name).start(sink)).rejects.toThrow("wrong address");
});

it("says which function shares a broker when it is started twice", () => {
  const inner = memoryBroker();
  started(shareBroker(inner).part("a"));
  expect(() => void inner.start({} as BrokerSink)).toThrow("give its users the parts of shareBroker(broker)");
});
