import { channel } from "node:diagnostics_channel";
import { setImmediate as turn } from "node:timers/promises";
import { createHub } from "@upwire/core";
import { expect, it, onTestFinished, vi } from "vitest";
import { createMetrics, type HubSource, type Metrics, type MetricsOptions } from "../src/index.ts";
import { parseExposition, valueOf } from "./helpers/exposition.ts";
import { optionsOf, realSources } from "./helpers/sources.ts";

function metricsOf(options: MetricsOptions): Metrics {
  const metrics = createMetrics({ eventLoopDelay: false, ...options });
  onTestFinished(() => metrics.stop());
  return metrics;
}

it("tells what one of each source has counted", async () => {
  const sources = await realSources();
  const metrics = metricsOf(optionsOf(sources));
  sources.peer.text("hello");
  await turn();
  await sources.broker.publish("topic", "data");
  const text = metrics.text();
  expect(valueOf(text, "upwire_upgrader_open_connections", { upgrader: "chat" })).toBe(1);
  expect(valueOf(text, "upwire_upgrader_received_messages_total", { upgrader: "chat" })).toBe(1);
  expect(valueOf(text, "upwire_upgrader_received_payload_bytes_total", { upgrader: "chat" })).toBe(5);
  expect(valueOf(text, "upwire_upgrader_sent_payload_bytes_total", { upgrader: "chat" })).toBe(5);
  expect(valueOf(text, "upwire_hub_rooms", { hub: "chat" })).toBe(1);
  expect(valueOf(text, "upwire_broker_published_messages_total", { broker: "memory" })).toBe(1);
  expect(valueOf(text, "upwire_broker_state", { broker: "memory", state: "up" })).toBe(1);
  expect(valueOf(text, "upwire_broker_state", { broker: "memory", state: "down" })).toBe(0);
  expect(valueOf(text, "upwire_broker_nodes", { broker: "memory" })).toBe(1);
  expect(valueOf(text, "upwire_broker_info", { broker: "memory", node: sources.broker.node, history: "memory", reach: "process" })).toBe(1);
  expect(valueOf(text, "upwire_attachment_draining", { attachment: "main" })).toBe(0);
  expect(valueOf(text, "upwire_process_ready")).toBe(1);
  await sources.stop();
});

it("reads everything that a source counts", async () => {
  const sources = await realSources();
  const options = optionsOf(sources);
  const unread: string[] = [];
  const watched = Object.entries(options).map(([option, named]) => {
    const [[name, source]] = Object.entries(named as Record<string, { readonly stats: object }>) as [[string, { readonly stats: object }]];
    const { stats } = source;
    const left = pathsOf(stats);
    const recording = recorded(stats, left);
    unread.push(...left);
    const stand = new Proxy(source, { get: (target, key) => (key === "stats" ? recording : bound(target, key)) });
    return { option, name, stand, left };
  });
  const metrics = metricsOf(Object.fromEntries(watched.map(({ option, name, stand }) => [option, { [name]: stand }])));
  expect(unread.length).toBeGreaterThan(50);
  metrics.collect();
  expect(watched.flatMap(({ option, left }) => [...left].map((path) => `${option}: ${path}`))).toEqual([]);
  await sources.stop();
});

/** The numbers and counts by code of stats: `open`, `refused`, `topics.gaps`. */
function pathsOf(stats: object): Set<string> {
  return new Set(
    Object.entries(stats).flatMap(([name, value]) => (name === "topics" ? Object.keys(value as object).map((inner) => `topics.${inner}`) : [name])),
  );
}

function recorded<T extends object>(stats: T, left: Set<string>, prefix = ""): T {
  return new Proxy(stats, {
    get(target, key) {
      left.delete(prefix + String(key));
      const value: unknown = Reflect.get(target, key);
      return key === "topics" ? recorded(value as object, left, "topics.") : value;
    },
  });
}

function bound(target: object, key: string | symbol): unknown {
  const value: unknown = Reflect.get(target, key);
  return typeof value === "function" ? value.bind(target) : value;
}

it("asks a source for its stats once in a collection, and never between", () => {
  const hub = createHub();
  const asked = vi.fn<() => typeof hub.stats>(() => hub.stats);
  const source = Object.defineProperty({}, "stats", { get: asked }) as HubSource;
  const metrics = metricsOf({ hubs: { chat: source } });
  asked.mockClear();
  metrics.readiness();
  expect(asked).toHaveBeenCalledTimes(0);
  metrics.text();
  expect(asked).toHaveBeenCalledTimes(1);
});

it("gives the rest when a source throws, counts it, and reports it once until it can be read again", () => {
  let isBroken = true;
  const hub = createHub();
  const broken: HubSource = {
    get stats() {
      if (isBroken) throw new Error("no stats");
      return hub.stats;
    },
  };
  const onError = vi.fn<NonNullable<MetricsOptions["onError"]>>();
  const metrics = metricsOf({ hubs: { good: hub, broken }, onError });
  const published: unknown[] = [];
  const note = (message: unknown): void => void published.push(message);
  channel("upwire:error").subscribe(note);
  onTestFinished(() => {
    channel("upwire:error").unsubscribe(note);
  });

  const rooms = () => parseExposition(metrics.text()).get("upwire_hub_rooms")?.samples;
  expect(rooms()).toEqual([{ labels: { hub: "good" }, value: 0 }]);
  expect(rooms()).toHaveLength(1);
  const failed = (name: string) => valueOf(metrics.text(), "upwire_process_failed_reads_total", { source: "hub", name });
  expect(failed("broken")).toBe(3);
  expect(failed("good")).toBe(0);
  expect(onError.mock.calls).toEqual([[new Error("no stats"), { kind: "hub", name: "broken" }]]);
  expect(published).toEqual([{ error: new Error("no stats") }]);

  isBroken = false;
  expect(rooms()).toHaveLength(2);
  isBroken = true;
  expect(rooms()).toHaveLength(1);
  expect(onError).toHaveBeenCalledTimes(2);
});

it.each([[Number.NaN], [Number.POSITIVE_INFINITY], ["7"], [undefined], [null], [7n]])("leaves out the one sample that is %s, and gives the others", (rooms) => {
  const hub = { stats: { ...createHub().stats, rooms: rooms as number } };
  const onError = vi.fn<NonNullable<MetricsOptions["onError"]>>();
  const metrics = metricsOf({ hubs: { chat: hub }, onError });
  const families = parseExposition(metrics.text());
  expect(families.has("upwire_hub_rooms")).toBe(false);
  expect(families.get("upwire_hub_users")?.samples).toHaveLength(1);
  expect(String(onError.mock.calls[0]?.[0])).toMatch(/^TypeError: rooms: .+ is no count; the source should give a finite number$/);
});

/** What is no answer: thrown, late, of another kind, or made to throw at every look at it. */
const nonsense: Readonly<Record<string, () => unknown>> = {
  "an error": () => {
    throw new Error("of the source");
  },
  "a rejection": () => Promise.reject(new Error("of the source")),
  "a thenable that throws": () => ({
    // oxlint-disable-next-line unicorn/no-thenable -- that is what it is about
    then() {
      throw new Error("of then");
    },
  }),
  "a hostile proxy": () => hostile(),
  "a revoked proxy": () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
  undefined: () => undefined,
  null: () => null,
  "a function": () => () => 1,
  "a symbol": () => Symbol("1"),
  "an object": () => ({}),
  "a number": () => 7,
  "a text": () => "7",
};

function hostile(): object {
  const fail = (): never => {
    throw new Error("of the proxy");
  };
  return new Proxy({}, { get: fail, has: fail, ownKeys: fail, getPrototypeOf: fail, getOwnPropertyDescriptor: fail });
}

it.each(Object.keys(nonsense))("never throws, and leaves no rejection to the process, where each member of each source is %s", async (kind) => {
  const give = nonsense[kind] ?? expect.fail(kind);
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on("unhandledRejection", note);
  onTestFinished(() => void process.off("unhandledRejection", note));
  const sources = await realSources();
  const read: Readonly<Record<string, readonly string[]>> = { attachments: ["isClosing"], brokers: ["state", "nodes", "node", "capabilities"] };
  const members = Object.entries(optionsOf(sources)).flatMap(([option, named]) =>
    Object.entries(named as Record<string, { readonly stats: object }>).flatMap(([name, source]) => {
      const all = ["stats", ...[...pathsOf(source.stats)].map((path) => `stats.${path}`), ...(read[option] ?? [])];
      return all.map((member) => ({ option, name, source, member }));
    }),
  );
  expect(members.length).toBeGreaterThan(60);
  for (const { option, name, source, member } of members) {
    const setting = { isOn: false };
    const stand = replaced(source, member, (old) => (setting.isOn ? give() : old));
    const onError = vi.fn<NonNullable<MetricsOptions["onError"]>>(() => Promise.reject(new Error("of onError")) as never);
    const metrics = createMetrics({ [option]: { [name]: stand }, eventLoopDelay: false, onError });
    setting.isOn = true;
    const families = parseExposition(metrics.text());
    expect([member, families.has("upwire_process_ready")]).toEqual([member, true]);
    const told = valueOf(metrics.text(), "upwire_process_failed_reads_total", { source: onErrorKind(option), name });
    const isFit = isAnAnswer(member, kind, at(source, member));
    expect([member, told > 0, onError.mock.calls.length]).toEqual([member, !isFit, isFit ? 0 : 1]);
    expect(metrics.readiness().ready).toBe(isFit || !["isClosing", "state"].includes(member));
    metrics.stop();
  }
  await turn();
  expect(unhandled).toEqual([]);
  await sources.stop();
});

/** The label of an option: `clusterHubs` is `cluster_hub`. */
function onErrorKind(option: string): string {
  return option.replace(/s$/, "").replace("H", "_h");
}

/** What fits by chance: a count that is a number, a name that is a text, counts by code of an object without any. */
function isAnAnswer(member: string, kind: string, old: unknown): boolean {
  if (!member.startsWith("stats.")) return member === "node" && kind === "a text";
  return kind === "a number" ? typeof old === "number" : kind === "an object" && typeof old === "object";
}

function at(source: object, member: string): unknown {
  return member.split(".").reduce<unknown>((value, key) => Reflect.get(value as object, key), source);
}

/** `source` with one member, or one of its stats, that is what `give` makes of the old one; a method returns it. */
function replaced(source: object, member: string, give: (old: unknown) => unknown): object {
  const [first = "", ...rest] = member.split(".");
  return new Proxy(source, {
    get(target, key) {
      const value = bound(target, key);
      if (key !== first) return value;
      if (rest.length > 0) return replaced(value as object, rest.join("."), give);
      return typeof value === "function" ? () => give((value as () => unknown)()) : give(value);
    },
  });
}

it("goes on when onError throws, and without onError writes to stderr", () => {
  const broken = Object.defineProperty({}, "stats", {
    get() {
      throw new Error("no stats");
    },
  }) as HubSource;
  const onError = () => {
    throw new Error("of onError");
  };
  expect(parseExposition(metricsOf({ hubs: { broken }, onError }).text()).has("upwire_process_ready")).toBe(true);
  const written = vi.spyOn(console, "error").mockImplementation(() => {});
  onTestFinished(() => written.mockRestore());
  metricsOf({ hubs: { broken } }).text();
  expect(written.mock.calls).toEqual([["upwire: the metrics of hub broken cannot be read:", new Error("no stats")]]);
});

it("counts what the channels tell, under the codes of the fixed set alone, until it is stopped", () => {
  const metrics = metricsOf({});
  const publish = (): void => {
    channel("upwire:refused").publish({ code: "ERR_ORIGIN" });
    channel("upwire:refused").publish({ code: "made up by a client" });
    channel("upwire:dropped").publish({ code: "ERR_HEADER_TOO_BIG" });
    channel("upwire:error").publish({ error: new Error("of the application") });
  };
  publish();
  metrics.stop();
  publish();
  const text = metrics.text();
  expect(valueOf(text, "upwire_process_refused_handshakes_total", { code: "ERR_ORIGIN" })).toBe(1);
  expect(valueOf(text, "upwire_process_refused_handshakes_total", { code: "other" })).toBe(1);
  expect(valueOf(text, "upwire_process_refused_handshakes_total", { code: "ERR_HOST" })).toBe(0);
  expect(valueOf(text, "upwire_process_dropped_connections_total", { code: "ERR_HEADER_TOO_BIG" })).toBe(1);
  expect(valueOf(text, "upwire_process_errors_total")).toBe(1);
  expect(text).not.toContain("made up");
});

it("gives a closure of the application its own label when it is named, and counts all others as one", async () => {
  const sources = await realSources();
  for (const [code, count] of [["ERR_KICKED", 2] as const, ["ERR_1", 3] as const, ["ERR_2", 4] as const]) {
    const stats = { ...sources.upgrader.stats, ended: { [code]: count, ERR_IDLE: 1, ERR_3: 5 } };
    const text = metricsOf({ upgraders: { chat: { stats } }, closureCodes: ["ERR_KICKED"] }).text();
    const ended = (label: string) => valueOf(text, "upwire_upgrader_ended_connections_total", { upgrader: "chat", code: label });
    expect([ended("ERR_KICKED"), ended("ERR_IDLE"), ended("other")]).toEqual(code === "ERR_KICKED" ? [2, 1, 5] : [0, 1, count + 5]);
    expect(text).not.toContain("ERR_3");
  }
  await sources.stop();
});
