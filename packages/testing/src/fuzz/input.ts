import { createStory, type StoryPlan } from "./story.ts";
import { chop } from "./mutate-bytes.ts";
import { endsWithFrame, mutateTalk } from "./mutate-frames.ts";
import { mutateV1Talk } from "./mutate-v1.ts";
import { mutateHandshake, type HandshakeCorpus } from "./mutate-handshake.ts";
import { Random } from "./random.ts";

/**
 * What an input is: frames on an open connection, the same where permessage-deflate was offered, messages of `upwire.v1` where that
 * was, a handshake, or a story: other requests on the connection and an upgrade behind them.
 */
export type Lane = "frames" | "deflate" | "v1" | "handshake" | "story";

const LANES: readonly Lane[] = ["frames", "story", "deflate", "handshake", "frames", "story", "frames", "handshake", "deflate", "story"];

/** With a server that speaks `upwire.v1`, most inputs are of that. */
const V1_LANES: readonly Lane[] = ["v1", "v1", "v1", "v1", "frames", "v1", "v1", "handshake", "v1", "story"];

/** One mutated sequence of bytes; `seed` and `number` say all about it. */
export interface FuzzInput {
  readonly number: number;
  readonly lane: Lane;
  /** The bytes, in the writes that they are sent in. */
  readonly writes: readonly Buffer[];
  /** What the client does behind it: waits for an answer, ends its side, or resets the connection. */
  readonly ending: "wait" | "end" | "reset";
  /** A new connection sends it in the packet of the handshake. */
  readonly isEarly: boolean;
  /** False when the server has to wait for more bytes, unless it finds a fault before. */
  readonly isWhole: boolean;
  /** Of a story. */
  readonly story?: StoryPlan;
}

export function createInput(seed: number, number: number, corpus: HandshakeCorpus): FuzzInput {
  const random = new Random(seed, number);
  const lanes = corpus.v1Talks === undefined ? LANES : V1_LANES;
  const lane = lanes[number % lanes.length] as Lane;
  if (lane === "story") {
    const story = createStory(corpus, random);
    return { number, lane, writes: [], ending: endingOf(random), isEarly: false, isWhole: story.isWhole, story };
  }
  const bytes = bytesOf(lane, corpus, random);
  return {
    number,
    lane,
    writes: chop(bytes, random),
    ending: endingOf(random),
    isEarly: random.once(2),
    isWhole: lane === "handshake" ? bytes.includes("\r\n\r\n") : endsWithFrame(bytes),
  };
}

function bytesOf(lane: Lane, corpus: HandshakeCorpus, random: Random): Buffer {
  if (lane === "handshake") return mutateHandshake(corpus, random);
  return lane === "v1" ? mutateV1Talk(corpus.v1Talks ?? [], corpus.talks, random) : mutateTalk(corpus.talks, random);
}

function endingOf(random: Random): FuzzInput["ending"] {
  return random.once(40) ? "reset" : random.once(10) ? "end" : "wait";
}
