import { createStory, type StoryPlan } from "./story.ts";
import { chop } from "./mutate-bytes.ts";
import { endsWithFrame, mutateTalk } from "./mutate-frames.ts";
import { mutateHandshake, type HandshakeCorpus } from "./mutate-handshake.ts";
import { Random } from "./random.ts";

/**
 * What an input is: frames on an open connection, the same where permessage-deflate was offered, a handshake, or a story:
 * other requests on the connection and an upgrade behind them.
 */
export type Lane = "frames" | "deflate" | "handshake" | "story";

const LANES: readonly Lane[] = ["frames", "story", "deflate", "handshake", "frames", "story", "frames", "handshake", "deflate", "story"];

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
  const lane = LANES[number % LANES.length] as Lane;
  if (lane === "story") {
    const story = createStory(corpus, random);
    return { number, lane, writes: [], ending: endingOf(random), isEarly: false, isWhole: story.isWhole, story };
  }
  const bytes = lane === "handshake" ? mutateHandshake(corpus, random) : mutateTalk(corpus.talks, random);
  return {
    number,
    lane,
    writes: chop(bytes, random),
    ending: endingOf(random),
    isEarly: random.once(2),
    isWhole: lane === "handshake" ? bytes.includes("\r\n\r\n") : endsWithFrame(bytes),
  };
}

function endingOf(random: Random): FuzzInput["ending"] {
  return random.once(40) ? "reset" : random.once(10) ? "end" : "wait";
}
