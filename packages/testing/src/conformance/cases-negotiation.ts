import type { Level } from "../verdict.ts";
import type { ConformanceCase, Expectation } from "./case.ts";
import { echoText, text } from "./write.ts";

type Row = readonly [name: string, offers: string | readonly string[], level?: Level];

const PMD = "permessage-deflate";

/** Good ones that every server with permessage-deflate can meet. */
const accepted: readonly Row[] = [
  ["plain", PMD],
  ["client-no-takeover", `${PMD}; client_no_context_takeover`],
  ["client-bits", `${PMD}; client_max_window_bits`],
  ["client-bits-15", `${PMD}; client_max_window_bits=15`],
  ["client-bits-quoted", `${PMD}; client_max_window_bits="15"`, "strict"],
  ["spaces", `${PMD}  ;   client_max_window_bits`],
  ["no-spaces", `${PMD};client_max_window_bits;client_no_context_takeover`],
  ["twice", `${PMD}; client_max_window_bits, ${PMD}`],
  ["two-lines", [`${PMD}; client_max_window_bits`, PMD], "strict"],
  ["after-unknown", `x-unknown, ${PMD}`, "strict"],
  ["before-unknown", `${PMD}, x-unknown; a=1; b="two"`],
  ["after-webkit", `x-webkit-deflate-frame, ${PMD}`, "strict"],
  ["after-unknown-line", ["x-unknown", PMD], "strict"],
  ["server-no-takeover", `${PMD}; server_no_context_takeover`],
  ["both-no-takeover", `${PMD}; client_no_context_takeover; server_no_context_takeover`],
];

/** Good ones that a server may decline, and answers with care if it does not (§7.1.2). */
const possible: readonly Row[] = [
  ...[8, 9, 10, 11, 12, 13, 14, 15].map((bits): Row => [`server-bits-${bits}`, `${PMD}; server_max_window_bits=${bits}`]),
  ...[8, 9, 10, 12, 14].map((bits): Row => [`client-bits-${bits}`, `${PMD}; client_max_window_bits=${bits}`]),
  ["both-bits", `${PMD}; server_max_window_bits=10; client_max_window_bits=11`],
  ["server-bits-quoted", `${PMD}; server_max_window_bits="12"`],
  ["everything", `${PMD}; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=11; client_max_window_bits=12`],
];

/** RFC 7692 §7: the server MUST decline them, and that is no reason to refuse the handshake. */
const declined: readonly Row[] = [
  ["unknown", "x-unknown"],
  ["unknown-many", Array.from({ length: 50 }, (_, at) => `x-unknown-${at}`).join(", ")],
  ["unknown-parameter", `${PMD}; x_unknown`],
  ["unknown-parameter-value", `${PMD}; x_unknown=1`],
  ["prototype", `${PMD}; __proto__=1`],
  ["constructor", "constructor, toString, __proto__, hasOwnProperty"],
  ["similar", "permessage-deflate2, permessage-deflat, xpermessage-deflate"],
  ["bzip2", "permessage-bzip2; client_max_window_bits"],
  ...["7", "16", "0", "010", "015", "08", "1", "99", "1e1", "0xf", "-9", "+9", "10.0", "abc", "9999999999999999999"].flatMap((bits): Row[] => [
    [`server-bits-${bits}`, `${PMD}; server_max_window_bits=${bits}`],
    [`client-bits-${bits}`, `${PMD}; client_max_window_bits=${bits}`],
  ]),
  ["server-bits-none", `${PMD}; server_max_window_bits`],
  ["server-bits-quoted-16", `${PMD}; server_max_window_bits="16"`],
  ["server-takeover-value", `${PMD}; server_no_context_takeover=true`],
  ["server-takeover-number", `${PMD}; server_no_context_takeover=1`],
  ["client-takeover-value", `${PMD}; client_no_context_takeover=true`],
  ["twice-server-takeover", `${PMD}; server_no_context_takeover; server_no_context_takeover`],
  ["twice-client-takeover", `${PMD}; client_no_context_takeover; client_no_context_takeover`],
  ["twice-server-bits", `${PMD}; server_max_window_bits=10; server_max_window_bits=10`],
  ["twice-client-bits", `${PMD}; client_max_window_bits; client_max_window_bits=10`],
  ["all-bad", `${PMD}; server_max_window_bits=7, ${PMD}; x_unknown, ${PMD}; client_max_window_bits=16`],
];

/** The first cannot be met, the second can: "the server ... accepts one" (RFC 7692 §5.1). */
const second: readonly Row[] = [
  ["unknown-parameter", `${PMD}; x_unknown, ${PMD}`],
  ["server-bits-7", `${PMD}; server_max_window_bits=7, ${PMD}`],
  ["server-bits-010", `${PMD}; server_max_window_bits=010, ${PMD}`],
  ["client-bits-16", `${PMD}; client_max_window_bits=16, ${PMD}; client_max_window_bits`],
  ["twice", `${PMD}; client_no_context_takeover; client_no_context_takeover, ${PMD}`],
  ["takeover-value", `${PMD}; server_no_context_takeover=1, ${PMD}; server_no_context_takeover`],
  ["third", `${PMD}; a, ${PMD}; b=2, ${PMD}`],
  ["other-line", [`${PMD}; server_max_window_bits=16`, PMD]],
];

/** Not even the grammar of the header (RFC 6455 §9.1): declined or refused, never accepted. */
const malformed: readonly Row[] = [
  ["no-name", "; client_max_window_bits"],
  ["no-parameter", `${PMD};`],
  ["two-semicolons", `${PMD};; client_max_window_bits`],
  ["no-value", `${PMD}; client_max_window_bits=`],
  ["no-key", `${PMD}; =15`],
  ["open-quote", `${PMD}; client_max_window_bits="15`],
  ["space-in-name", "permessage deflate"],
  ["space-in-quotes", `${PMD}; client_max_window_bits=" 15"`],
  ["slash", `${PMD}/1`],
];

function rows(kind: string, all: readonly Row[], title: string, expect: Expectation, preset: Level): ConformanceCase[] {
  return all.map(([name, offers, level = preset]) => {
    const lines = typeof offers === "string" ? [offers] : offers;
    return {
      id: `7692-5-${kind}-${name}`,
      group: "extension negotiation",
      title: `${title}: ${lines.join(" | ").slice(0, 80)}`,
      level,
      ...(expect.deflate === "accepted" ? { needs: "deflate" as const } : {}),
      offers: lines,
      send: [{ frames: [text("still here")] }],
      expect: { messages: [echoText("still here")], ...expect },
    };
  });
}

export const negotiationCases: readonly ConformanceCase[] = [
  ...rows("good", accepted, "is accepted", { deflate: "accepted" }, "must"),
  ...rows("possible", possible, "is accepted as it says, or declined", { deflate: "either" }, "must"),
  ...rows("bad", declined, "is declined", { deflate: "declined" }, "must"),
  ...rows("second", second, "the next offer is taken", { deflate: "accepted" }, "strict"),
  ...rows("malformed", malformed, "is declined or refused", { deflate: "declined", mayRefuse: true }, "must"),
];
