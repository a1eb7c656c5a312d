import { encodeClientFrame, Opcode } from "../client-frame.ts";
import { mutateBytes } from "./mutate-bytes.ts";
import { mutateFrames } from "./mutate-frames.ts";
import type { Random } from "./random.ts";
import type { Talk } from "./corpus.ts";
import type { V1Message, V1Talk } from "./v1-talks.ts";

type Members = Record<string, unknown>;

const MEMBERS = ["type", "id", "re", "topic", "payload", "key", "since", "__proto__", "constructor", "x"] as const;
const TOPICS = [
  "room:tea",
  "room:locked",
  "board:b",
  "tick:t",
  "view:v",
  "room:",
  "room:%74ea",
  "upwire.x",
  "a:b:c",
  "\u{1f375}:\u0000",
  "r".repeat(300),
] as const;
const TYPES = [
  "upwire.subscribe",
  "upwire.unsubscribe",
  "upwire.cancel",
  "upwire.ping",
  "upwire.hello",
  "message",
  "note",
  "add",
  "wait",
  "crash",
  "",
] as const;
/** Values that fit nowhere, and such as are just at a border. */
const VALUES: readonly unknown[] = [
  null,
  true,
  0,
  1,
  2,
  -1,
  1.5,
  2 ** 53 - 1,
  2 ** 53,
  1e300,
  "",
  "\u0000",
  "x".repeat(65),
  [],
  [[]],
  {},
  { epoch: "aaaaaaaa", offset: 0 },
  { epoch: "aaaaaaaa", offset: 2 ** 53 - 1 },
  { last: 1 },
  { last: 2 ** 53 - 1 },
  { text: "hi" },
  { a: 1, b: 2 },
];

type MessageMutator = (messages: V1Message[], random: Random, talks: readonly V1Talk[]) => void;

/** Changes the members of one message that is a JSON object. */
function members(change: (given: Members, random: Random) => void): MessageMutator {
  return (messages, random) => {
    const at = random.below(messages.length);
    const message = messages[at];
    const given = typeof message === "string" ? objectIn(message) : undefined;
    if (given === undefined) return;
    change(given, random);
    messages[at] = JSON.stringify(given);
  };
}

function objectIn(text: string): Members | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Members) : undefined;
  } catch {
    return undefined;
  }
}

function set(given: Members, name: string, value: unknown): void {
  // An assignment to `__proto__` would add no member.
  Object.defineProperty(given, name, { value, enumerable: true, configurable: true, writable: true });
}

function nested(depth: number): unknown {
  return JSON.parse(`${"[".repeat(depth)}${"]".repeat(depth)}`);
}

const mutators: readonly MessageMutator[] = [
  members((given, random) => set(given, random.pick(MEMBERS), random.pick(VALUES))),
  members((given, random) => set(given, random.pick(Object.keys(given).length > 0 ? Object.keys(given) : MEMBERS), random.pick(VALUES))),
  members((given, random) => set(given, "type", random.pick(TYPES))),
  members((given, random) => set(given, "topic", random.pick(TOPICS))),
  members((given, random) => set(given, "id", 1 + random.below(4))),
  members((given, random) => set(given, "payload", nested(random.pick([10, 62, 63, 64, 500])))),
  members((given, random) => {
    delete given[random.pick(MEMBERS)];
  }),
  function subscribe(messages, random) {
    const type = random.pick(["upwire.subscribe", "upwire.subscribe", "upwire.unsubscribe"]);
    const since = random.pick([undefined, { last: 3 }, { epoch: "aaaaaaaa", offset: random.below(3) }]);
    insert(messages, random, JSON.stringify({ type, id: 1 + random.below(9), topic: random.pick(TOPICS), since }));
  },
  function publish(messages, random) {
    const id = random.pick([undefined, 1 + random.below(9)]);
    insert(messages, random, JSON.stringify({ type: "message", topic: random.pick(TOPICS), id, payload: { text: "slow ".repeat(random.below(2)) } }));
  },
  function ask(messages, random) {
    const payload = random.pick([{ a: 1, b: 2 }, 5, undefined]);
    insert(messages, random, JSON.stringify({ type: random.pick(TYPES), id: 1 + random.below(9), payload, key: random.pick([undefined, "k"]) }));
  },
  function cancel(messages, random) {
    insert(messages, random, JSON.stringify({ type: "upwire.cancel", re: 1 + random.below(9) }));
  },
  function cut(messages, random) {
    const at = random.below(messages.length);
    const message = messages[at];
    if (message !== undefined) messages[at] = message.slice(0, random.below(message.length + 1));
  },
  function tamper(messages, random) {
    const at = random.below(messages.length);
    const message = messages[at];
    // Text stays text: what is no UTF-8 never comes as far as the protocol.
    if (typeof message === "string") messages[at] = mutateBytes(Buffer.from(message), random).toString("latin1");
    else if (message !== undefined && message.byteLength > 0) messages[at] = mutateBytes(Buffer.from(message), random);
  },
  function turnKind(messages, random) {
    const at = random.below(messages.length);
    const message = messages[at] ?? "";
    messages[at] = typeof message === "string" ? Buffer.from(message) : message.toString("latin1");
  },
  function splice(messages, random, talks) {
    const other = random.pick(talks);
    messages.splice(random.below(messages.length + 1), 0, ...other.slice(random.below(other.length)));
  },
  function repeat(messages, random) {
    const message = messages[random.below(messages.length)];
    if (message !== undefined) for (let left = 1 + random.below(8); left > 0; left--) insert(messages, random, message);
  },
  function swap(messages, random) {
    const [taken] = messages.splice(random.below(messages.length), 1);
    if (taken !== undefined) insert(messages, random, taken);
  },
  function remove(messages, random) {
    messages.splice(random.below(messages.length), 1);
  },
];

function insert(messages: V1Message[], random: Random, message: V1Message): void {
  messages.splice(random.below(messages.length + 1), 0, message);
}

function frameOf(message: V1Message, random: Random): Buffer {
  const opcode = typeof message === "string" ? Opcode.text : Opcode.binary;
  return encodeClientFrame({ opcode, payload: Buffer.from(message as string), mask: random.bytes(4) });
}

/** A talk of `upwire.v1` with one to five changes; every fourth time the frames that carry it are changed too. @param foreign Frames of other talks. */
export function mutateV1Talk(talks: readonly V1Talk[], foreign: readonly Talk[], random: Random): Buffer {
  const messages = [...random.pick(talks)];
  for (let left = 1 + random.below(5); left > 0; left--) random.pick(mutators)(messages, random, talks);
  const frames = messages.map((message) => frameOf(message, random));
  return random.once(4) ? mutateFrames(frames, random, foreign) : Buffer.concat(frames);
}
