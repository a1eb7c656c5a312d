import { encodeClientFrame, Opcode } from "../client-frame.ts";
import { createBefore, handshake, type Before } from "./before.ts";
import type { Story } from "./judge.ts";
import { mutateBytes } from "./mutate-bytes.ts";
import { endsWithFrame, mutateTalk } from "./mutate-frames.ts";
import { mutateHandshake, type HandshakeCorpus } from "./mutate-handshake.ts";
import type { Random } from "./random.ts";

/** Where a stream of bytes is cut into packets, and what the client waits for before it sends the next one. */
const cuts = ["one packet", "a packet each", "random cuts", "cuts and pauses", "after each answer"] as const;
type Cut = (typeof cuts)[number];

/** Bytes, and what is waited for before they are sent: a turn of the loop, so many milliseconds, or so many answers. */
interface Portion {
  readonly bytes: Buffer;
  readonly turn?: true;
  readonly ms?: number;
  readonly answers?: number;
}

/** Some requests, an upgrade behind them, and frames behind it: all on one connection. */
export interface StoryPlan extends Story {
  /** What the request before the upgrade leaves the connection in. */
  readonly state: string;
  readonly cut: Cut;
  readonly portions: readonly Portion[];
  /** All its bytes. */
  readonly bytes: Buffer;
  /** A ping with this payload is at the end: its pong says that all was dealt with. */
  readonly mark: Buffer;
  /** The last request is no WebSocket handshake: it is over with its answer. */
  readonly endsWithAnswer: boolean;
  readonly isUnread: boolean;
  /** False when the server has to wait for more bytes, unless it finds a fault before. */
  readonly isWhole: boolean;
}

const MAX_BEFORE = 3;
const CLOSES = new Set(["a page, by HTTP/1.0", "a page, Connection: close", "a bad handshake", "the route, no upgrade", "CONNECT"]);
const MAX_PAUSE_MS = 8;
/** The bytes of every input name the same ping: each story has a connection of its own. */
const MARK = Buffer.from("story");

export function createStory(corpus: HandshakeCorpus, random: Random): StoryPlan {
  const before = [createBefore(corpus, 0, random)];
  while (before.length < MAX_BEFORE && random.once(3)) before.push(createBefore(corpus, before.length, random));
  const at = before.length;
  const cut = random.pick(cuts);
  const [kind, tampering] = [random.below(8), random.below(8)];
  const other = kind === 0 ? createBefore(corpus, at, random) : undefined;
  const upgrade = other?.bytes ?? (kind === 1 ? mutateHandshake(corpus, random) : goodUpgrade(corpus, at, random));
  const talk = random.once(2) ? mutateTalk(corpus.talks, random) : Buffer.alloc(0);
  const endsWithAnswer = other !== undefined && !other.isWebSocket;
  const behind = endsWithAnswer ? Buffer.alloc(0) : Buffer.concat([talk, encodeClientFrame({ opcode: Opcode.ping, payload: MARK, mask: Buffer.alloc(4) })]);
  const parts = [...before.map(({ bytes }) => bytes), Buffer.concat([upgrade, behind])];
  // What comes behind `Connection: close` is an error to some frameworks, whose 400 does not wait for the answers before it.
  const isPastClose = cut !== "after each answer" && before.some(({ state }) => CLOSES.has(state));
  const isTampered = kind === 1 || tampering === 0 || isPastClose;
  if (tampering === 0) {
    const which = random.below(parts.length);
    parts[which] = mutateBytes(Buffer.from(parts[which] ?? Buffer.alloc(0)), random);
  }
  const mayLose = cut !== "after each answer" && before.some(({ mayLoseNext }) => mayLoseNext);
  const requests: readonly Pick<Before, "method" | "isWebSocket">[] = [...before, other ?? { method: "GET", isWebSocket: true }];
  return {
    state: before.at(-1)?.state ?? "nothing",
    cut,
    portions: portionsOf(parts, cut, random),
    bytes: Buffer.concat(parts),
    methods: requests.map(({ method }) => method),
    before: requests.findIndex(({ isWebSocket }) => isWebSocket),
    mark: MARK,
    endsWithAnswer,
    isTampered,
    mayLose,
    isUnread: before.some(({ isUnread }) => isUnread) && cut !== "after each answer",
    isWhole: !isTampered && !mayLose && (endsWithAnswer || endsWithFrame(talk)),
  };
}

function goodUpgrade(corpus: HandshakeCorpus, at: number, random: Random): Buffer {
  const headers = random.once(4) ? { "Sec-WebSocket-Extensions": "permessage-deflate" } : {};
  return Buffer.from(handshake({ headers }, corpus, at, random), "latin1");
}

function portionsOf(parts: readonly Buffer[], cut: Cut, random: Random): readonly Portion[] {
  const whole = Buffer.concat(parts);
  switch (cut) {
    case "one packet":
      return [{ bytes: whole }];
    case "a packet each":
      return parts.map((bytes, index) => (index === 0 ? { bytes } : { bytes, turn: true }));
    case "after each answer":
      return parts.map((bytes, index) => ({ bytes, answers: index }));
    case "random cuts":
      return cutAnywhere(whole, 1 + random.below(12), random).map((bytes) => ({ bytes, turn: true }));
    default:
      return cutAnywhere(whole, 1 + random.below(4), random).map((bytes) => ({ bytes, ms: 1 + random.below(MAX_PAUSE_MS) }));
  }
}

function cutAnywhere(bytes: Buffer, count: number, random: Random): readonly Buffer[] {
  const places = Array.from({ length: count }, () => random.below(bytes.byteLength + 1)).toSorted((a, b) => a - b);
  return [...places, bytes.byteLength].map((end, index) => bytes.subarray(places[index - 1] ?? 0, end)).filter((part) => part.byteLength > 0);
}
