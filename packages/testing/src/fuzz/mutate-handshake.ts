import type { FuzzPages } from "./before.ts";
import type { HandshakeInit } from "../handshake-request.ts";
import { encodeHandshake } from "../handshake-request.ts";
import type { Talk } from "./corpus.ts";
import { mutateBytes } from "./mutate-bytes.ts";
import { mutateTalk } from "./mutate-frames.ts";
import type { Random } from "./random.ts";
import type { V1Talk } from "./v1-talks.ts";

export interface HandshakeCorpus {
  /** What clients of `upwire.v1` say, for a server that speaks it. */
  readonly v1Talks?: readonly V1Talk[] | undefined;
  readonly seeds: readonly HandshakeInit[];
  readonly talks: readonly Talk[];
  /** Host header of good requests. */
  readonly authority: string;
  readonly path: string;
  /** What else there is to ask for. */
  readonly pages: FuzzPages;
}

const ODD = ["\0", "\t", " ", "\r", "\n", "\r\n ", ",", ";", "=", '"', "\\", ":", "\u00e9", "\u00ff", "\x7f", "%", "@"] as const;
const METHODS = ["GET", "get", "HEAD", "POST", "PUT", "OPTIONS", "CONNECT", "TRACE", "PRI", ""] as const;
const VERSIONS = ["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "http/1.1", "HTTP/1.10", ""] as const;

type LineMutator = (lines: string[], random: Random, corpus: HandshakeCorpus) => void;

/** Changes one header line. */
function one(change: (line: string, random: Random) => string): LineMutator {
  return (lines, random) => {
    const at = 1 + random.below(Math.max(1, lines.length - 1));
    lines[at] = change(lines[at] ?? "", random);
  };
}

function insertAt(line: string, part: string, random: Random): string {
  const at = random.below(line.length + 1);
  return line.slice(0, at) + part + line.slice(at);
}

const mutators: readonly LineMutator[] = [
  one((line, random) => insertAt(line, random.pick(ODD), random)),
  one((line, random) => insertAt(line, random.pick(ODD).repeat(1 + random.below(200)), random)),
  one((line) => line.toUpperCase()),
  one((line) => `${line}, ${line.slice(line.indexOf(":") + 1)}`),
  one((line) => line.replace(": ", ":")),
  one((line) => line.replace(":", " :")),
  one((line, random) => `${line.slice(0, line.indexOf(":") + 1)} ${"x".repeat(random.pick([0, 1, 100, 20_000]))}`),
  one(
    (line, random) =>
      `${line.slice(0, line.indexOf(":") + 1)} ${random
        .bytes(random.below(20))
        .toString("latin1")
        .replaceAll(/[\r\n]/g, "")}`,
  ),
  function drop(lines, random) {
    lines.splice(1 + random.below(lines.length - 1), 1);
  },
  function repeat(lines, random) {
    const line = lines[1 + random.below(lines.length - 1)] ?? "a: b";
    lines.push(...Array<string>(1 + random.below(random.once(10) ? 2500 : 4)).fill(line));
  },
  function shuffle(lines, random) {
    const [line] = lines.splice(1 + random.below(lines.length - 1), 1);
    lines.splice(1 + random.below(lines.length), 0, line ?? "");
  },
  function borrow(lines, random, corpus) {
    const others = requestLines(random.pick(corpus.seeds), random, corpus).slice(1);
    lines.push(random.pick(others));
  },
  function startLine(lines, random) {
    const [method = "", target = "", version = ""] = (lines[0] ?? "").split(" ");
    const which = random.below(3);
    lines[0] = [
      which === 0 ? random.pick(METHODS) : method,
      which === 1 ? insertAt(target, random.pick(ODD), random) : target,
      which === 2 ? random.pick(VERSIONS) : version,
    ].join(" ");
  },
];

function requestLines(seed: HandshakeInit, random: Random, { authority, path }: HandshakeCorpus): string[] {
  const key = random.bytes(16).toString("base64");
  return encodeHandshake({ path, key, ...seed }, authority)
    .text.trimEnd()
    .split("\r\n");
}

/** A handshake with up to three changes, now and then with frames behind it in the same packet. */
export function mutateHandshake(corpus: HandshakeCorpus, random: Random): Buffer {
  const lines = requestLines(random.pick(corpus.seeds), random, corpus);
  for (let left = random.below(4); left > 0 && lines.length > 1; left--) random.pick(mutators)(lines, random, corpus);
  let bytes: Buffer = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  if (random.once(6)) bytes = mutateBytes(bytes, random);
  if (random.once(16)) bytes = Buffer.concat([bytes, bytes]);
  return random.once(4) ? Buffer.concat([bytes, mutateTalk(corpus.talks, random)]) : bytes;
}
