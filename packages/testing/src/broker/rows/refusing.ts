import type { Broker, BrokerData, HistoryBounds, PublishOptions, TellOptions } from "@upwire/cluster/broker";
import { expect } from "vitest";
import { history, type BrokerBench } from "../broker-bench.ts";
import type { Row } from "./row.ts";

const notText = [undefined, null, 5, {}, Symbol("topic")];
const notWhole = [Number.NaN, Infinity, -Infinity, -1, 1.5, 2 ** 53, "5", null, {}];
/** Milliseconds: fractions are allowed, and nothing is a time of 0. */
const notATime = [Number.NaN, Infinity, -Infinity, -1, 0, -0, 2 ** 31, "5", null, {}];

/** One for each field and option, so that the compiler finds a new one that no wrong value is tried for. */
const wrongBounds: Readonly<Record<keyof HistoryBounds, readonly unknown[]>> = { messages: notWhole, bytes: notWhole, ageMs: notATime };
const wrongPublishOptions: Readonly<Record<keyof PublishOptions, readonly unknown[]>> = {
  history: [null, 5, {}, ...boundsWith(wrongBounds)],
  key: [null, 5, {}, "k".repeat(513)],
  keyMs: notATime,
  keyOwner: [null, 5, {}, "o".repeat(513)],
  origin: [null, 5, {}, "o".repeat(65)],
};
const wrongTellOptions: Readonly<Record<keyof TellOptions, readonly unknown[]>> = { keepMs: [...notATime, 0.5, 3_600_001] };
const wrongData = [undefined, null, 5, {}, ["x"], new ArrayBuffer(1), new Uint16Array(1)];

/** A call with one argument that cannot be meant. */
interface WrongCall {
  readonly title: string;
  readonly call: (broker: Broker) => Promise<unknown>;
}

/** A value as a title shows it. */
function shown(value: unknown): string {
  if (Object.is(value, -0)) return "-0";
  if (typeof value === "object" && value !== null && !ArrayBuffer.isView(value) && !(value instanceof ArrayBuffer)) return JSON.stringify(value);
  const text = typeof value === "string" ? JSON.stringify(value) : Object.prototype.toString.call(value) === "[object Object]" ? "{}" : String(value);
  return text.length > 20 ? `${text.slice(0, 20)}…` : text;
}

function boundsWith(wrong: Readonly<Record<string, readonly unknown[]>>): unknown[] {
  return Object.entries(wrong).flatMap(([name, values]) => values.map((value) => ({ ...history, [name]: value })));
}

function wrongCalls(): WrongCall[] {
  const calls: WrongCall[] = [];
  const add = (what: string, values: readonly unknown[], call: (broker: Broker, value: unknown) => Promise<unknown>): void => {
    for (const value of values) calls.push({ title: `${what}: ${shown(value)}`, call: (broker) => call(broker, value) });
  };
  add("publish: topic", notText, (broker, topic) => broker.publish(topic as string, "x"));
  add("publish: topic, with history", notText, (broker, topic) => broker.publish(topic as string, "x", { history }));
  add("publish: data", wrongData, (broker, data) => broker.publish("a", data as BrokerData));
  add("publish: data, with history", wrongData, (broker, data) => broker.publish("a", data as BrokerData, { history }));
  for (const [name, values] of Object.entries(wrongPublishOptions)) {
    add(`publish: ${name}`, values, (broker, value) => broker.publish("a", "x", { [name]: value }));
  }
  add("subscribe: topic", notText, (broker, topic) => broker.subscribe(topic as string));
  add("subscribe: history", wrongPublishOptions.history, (broker, value) => broker.subscribe("a", { history: value as HistoryBounds }));
  add("unsubscribe: topic", notText, (broker, topic) => broker.unsubscribe(topic as string));
  add("history: topic", notText, (broker, topic) => broker.history(topic as string, 0, 1));
  add("history: after", [...notWhole, undefined], (broker, after) => broker.history("a", after as number, 1));
  add("history: limit", [...notWhole, 0, undefined], (broker, limit) => broker.history("a", 0, limit as number));
  add("tell: data", [...wrongData, "x"], (broker, data) => broker.tell(undefined, data as Uint8Array));
  for (const [name, values] of Object.entries(wrongTellOptions)) {
    add(`tell: ${name}`, values, (broker, value) => broker.tell(undefined, new Uint8Array(1), { [name]: value }));
  }
  return calls;
}

/** How the call ends: it must reject, and must not throw. */
async function outcomeOf({ call }: WrongCall, bench: BrokerBench): Promise<string> {
  let answer: Promise<unknown>;
  try {
    answer = call(bench.broker);
  } catch (error) {
    return `throws ${String(error)}`;
  }
  try {
    await bench.of("a call that cannot be meant", answer);
    return "fulfils";
  } catch (error) {
    return error instanceof RangeError ? "a RangeError" : `rejects with ${String(error)}`;
  }
}

/** What a broker does not take. */
export const refusing: readonly Row[] = [
  {
    title: "refuses arguments that cannot be meant with a RangeError",
    needs: ["steady"],
    async run(bench) {
      const { rejected, published } = bench.broker.stats;
      const wrong: string[] = [];
      for (const call of wrongCalls()) {
        const outcome = await outcomeOf(call, bench);
        if (outcome !== "a RangeError") wrong.push(`${call.title}: ${outcome}`);
      }
      expect(wrong).toEqual([]);
      // What cannot be meant is the fault of the caller, and counts as nothing that the broker could not do.
      expect(bench.broker.stats).toMatchObject({ rejected, published, subscriptions: 0, queued: 0 });
      expect(await bench.page("a", 0, 10)).toEqual({ epoch: "", top: 0, first: 1, publications: [] });
    },
  },
];
