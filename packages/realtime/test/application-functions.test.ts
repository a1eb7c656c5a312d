import { createRealtime, defineContract, request, type LooseOptions } from "@upwire/realtime";
import type { StandardSchema } from "@upwire/protocol";
import { FakeClock, sentTo, type FunctionFault } from "@upwire/testing";
import { expect } from "vitest";
import { playFunctionTable, type FunctionRow } from "../../core/test/helpers/function-table.ts";
import { MemoryRoute, type MemoryClient } from "./helpers/memory-clients.ts";

type Fault = () => never;
type Options = LooseOptions<string, unknown>;

const fails = (fault: FunctionFault): boolean => fault !== "never settles" && fault !== "returns junk";
const FAULT = expect.objectContaining({ message: "a fault of the application" }) as unknown;
const A_TYPE_ERROR = expect.any(TypeError) as unknown;

/** A realtime with one function that goes wrong, and a client of it. */
interface Stage {
  readonly client: MemoryClient;
  readonly clock: FakeClock;
  /** What `onError` was told since the last call. */
  readonly told: () => unknown[];
  /** Says one thing; the code of the error that it is answered with, or the payload. Time passes when nothing comes. */
  readonly answerTo: (frame: object) => Promise<unknown>;
}

async function stage(options: Options, contract?: Parameters<typeof createRealtime>[0]): Promise<Stage> {
  const clock = new FakeClock();
  const errors: unknown[] = [];
  const onError = (error: unknown): void => void errors.push(error);
  const all = { ...options, clock, options: { onError } };
  const realtime = contract === undefined ? createRealtime(all) : createRealtime(contract as never, all as never);
  const client = await new MemoryRoute(realtime, { onError, clock }).client();
  const answerTo = async (frame: object): Promise<unknown> => {
    let [answer] = (await client.ask(frame)) as { readonly payload?: { readonly code?: string }; readonly error?: { readonly code: string } }[];
    if (answer === undefined) {
      clock.advance(30_000);
      [answer] = (await client.heard()) as (typeof answer)[];
    }
    return answer?.error?.code ?? (answer?.payload?.code === undefined ? answer?.payload : answer.payload.code);
  };
  return { client, clock, answerTo, told: () => errors.splice(0) };
}

/** What a function that answers a client does: the answer, and what `onError` is told. */
interface Right {
  readonly junk: unknown;
  readonly junkTold?: readonly unknown[];
  readonly timeoutTold?: readonly unknown[];
}

async function expectAnswer(fault: FunctionFault, { answerTo, told }: Stage, frame: object, { junk, junkTold = [], timeoutTold = [] }: Right): Promise<void> {
  const answer = await answerTo(frame);
  if (fails(fault)) expect([fault, answer, told()]).toEqual([fault, "internal", [FAULT]]);
  else if (fault === "never settles") expect([answer, told()]).toEqual(["timeout", timeoutTold]);
  else expect([answer, told()]).toEqual([junk, junkTold]);
}

/** The connection lives on. */
async function expectAlive({ client, told }: Stage): Promise<void> {
  expect(await client.ask({ type: "upwire.ping", id: 99 })).toEqual([{ re: 99 }]);
  expect(told()).toEqual([]);
}

/** A connection whose opening went wrong is ended, and the application told. */
async function expectEnd(
  fault: FunctionFault,
  { client, clock, told }: Stage,
  right: Readonly<Record<"fails" | "never settles" | "returns junk", unknown>>,
): Promise<void> {
  clock.advance(30_000);
  await client.heard();
  const closes = sentTo(client.peer).filter((line) => line.startsWith("close"));
  const error = right[fails(fault) ? "fails" : (fault as "never settles")];
  expect([fault, closes, told()]).toEqual([
    fault,
    error === undefined ? [] : [expect.stringContaining("close 1011") as unknown],
    error === undefined ? [] : [error],
  ]);
}

function schemaOf(validate: Fault): StandardSchema {
  return { "~standard": { version: 1, vendor: "test", validate } };
}

const fine: StandardSchema = { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } };
const subscribe = { type: "upwire.subscribe", id: 1, topic: "news" };
const publish = { type: "headline", topic: "news", id: 1 };
const made = (owner: string, ...names: string[]) => Object.fromEntries(names.map((name) => [`${owner}.${name}`, "not: a realtime makes it"]));

/** What the types show. */
const rows: Readonly<Record<string, FunctionRow>> = {
  ...Object.fromEntries(
    ["close", "history", "nodes", "publish", "save", "start", "state", "subscribe", "tell", "unsubscribe"].map((name) => [
      `Broker.${name}`,
      "not: of a broker: describeBroker and hostileBroker",
    ]),
  ),
  ...made("Closable", "close"),
  ...made("Realtime", "connection", "save", "stop", "topic", "user"),
  ...made("Recipients", "send"),
  ...made("Topic", "add", "delete", "publish"),
  "CommonOptions.broker": "not: its members are rows",
  "CommonOptions.authorize": "not: the option of core, in the suite of the adapters",
  "LooseOptions.topics": "not: its members are rows",
  "RealtimeOptions.topics": "not: its members are rows",

  "CommonOptions.userId": async (fault, run) => {
    // It is not waited for: what is no text at once is a mistake.
    const right = { fails: fault === "throws" ? FAULT : A_TYPE_ERROR, "never settles": A_TYPE_ERROR, "returns junk": A_TYPE_ERROR };
    await expectEnd(fault, await stage({ userId: run }), right);
  },
  "CommonOptions.onOpen": async (fault, run) => {
    const late = expect.objectContaining({ code: "ERR_OPEN_TIMEOUT" }) as unknown;
    await expectEnd(fault, await stage({ onOpen: run }), { fails: FAULT, "never settles": late, "returns junk": undefined });
  },
  "CommonOptions.events": async (fault, run) => {
    const played = await stage({ events: { typing: run } });
    await expectAnswer(fault, played, { type: "typing" }, { junk: undefined });
    await expectAlive(played);
  },
  "CommonOptions.requests": async (fault, run) => {
    const played = await stage({ requests: { ask: run } });
    await expectAnswer(fault, played, { type: "ask", id: 1 }, { junk: 5 });
    await expectAnswer(fault, played, { type: "ask", id: 1, key: "k" }, { junk: 5 });
    await expectAlive(played);
  },
  "CommonOptions.onMessage": async (fault, run) => {
    const played = await stage({ onMessage: run, requests: { ask: () => 5 } });
    const answer = await played.answerTo({ type: "ask", id: 1 });
    // Only what is thrown at once can refuse the message; nothing else is waited for.
    expect([fault, answer, played.told()]).toEqual([fault, fault === "throws" ? "internal" : 5, fails(fault) ? [FAULT] : []]);
  },
  "CommonOptions.onAnswer": async (fault, run) => {
    const played = await stage({ onAnswer: run, requests: { ask: () => 5 } });
    expect([await played.answerTo({ type: "ask", id: 1 }), played.told()]).toEqual([5, fails(fault) ? [FAULT] : []]);
    await expectAlive(played);
  },
  "TopicRules.canSubscribe": async (fault, run) => {
    const played = await stage({ topics: { news: { canSubscribe: run } } });
    await expectAnswer(fault, played, subscribe, { junk: "forbidden" });
    await expectAlive(played);
  },
  "TopicRules.canPublish": async (fault, run) => {
    const played = await stage({ topics: { news: { canPublish: run } } });
    await expectAnswer(fault, played, publish, { junk: "forbidden" });
    await expectAlive(played);
  },
  "TopicRules.state": async (fault, run) => {
    const played = await stage({ topics: { news: { canSubscribe: () => true, state: run } } });
    const timeout = expect.objectContaining({ code: "timeout" }) as unknown;
    await expectAnswer(fault, played, subscribe, { junk: expect.objectContaining({ state: 5 }), timeoutTold: [timeout] });
    await expectAlive(played);
  },
};

/** Time stands still, or real timers take the place of broken ones: what needs none is answered all the same. */
async function clockRow(broken: object): Promise<void> {
  const nothing = { cancel: () => {} };
  const clock = { now: () => performance.now(), after: () => nothing, every: () => nothing, ...broken };
  const realtime = createRealtime({ clock, requests: { ask: async () => 5 }, topics: { news: { canSubscribe: () => true } } });
  const client = await new MemoryRoute(realtime).client();
  expect(await client.ask({ type: "ask", id: 1, key: "k" })).toEqual([{ re: 1, payload: 5 }]);
  expect(await client.ask(subscribe)).toMatchObject([{ re: 1, payload: { resumed: false } }]);
}

/** What no type shows, by name. */
const unseen: Readonly<Record<string, FunctionRow>> = {
  "validate of a payload": async (fault, run) => {
    const played = await stage({ requests: { ask: () => 5 } }, defineContract({ requests: { ask: request(schemaOf(run), fine) } }) as never);
    await expectAnswer(fault, played, { type: "ask", id: 1 }, { junk: "internal", junkTold: [A_TYPE_ERROR] });
    await expectAlive(played);
  },
  "validate of a reply": async (fault, run) => {
    const played = await stage({ requests: { ask: () => 5 } }, defineContract({ requests: { ask: request(fine, schemaOf(run)) } }) as never);
    await expectAnswer(fault, played, { type: "ask", id: 1 }, { junk: "internal", junkTold: [A_TYPE_ERROR] });
    await expectAlive(played);
  },
  "validate of an event of the server": async (fault, run) => {
    const realtime = createRealtime(defineContract({ events: { said: schemaOf(run) } }), {});
    expect(() => realtime.send("said", 1)).toThrow(
      fault === "throws" || fault === "gives a thenable whose then throws" ? "a fault of the application" : TypeError,
    );
  },
  "toJSON of a reply": async (fault, run) => {
    const played = await stage({ requests: { ask: () => ({ toJSON: run }) } });
    const answer = await played.answerTo({ type: "ask", id: 1 });
    const right = fault === "returns junk" ? [5, []] : ["internal", [fault === "throws" ? FAULT : A_TYPE_ERROR]];
    expect([fault, answer, played.told()]).toEqual([fault, ...right]);
    await expectAlive(played);
  },
  "now of a clock": (_, run) => clockRow({ now: run }),
  "after of a clock": (_, run) => clockRow({ after: run }),
  "every of a clock": (_, run) => clockRow({ every: run }),
};

playFunctionTable({ subject: "realtime", rows, unseen, scope: { packages: ["realtime", "cluster"], entries: ["realtime/src/index.ts"] } });
