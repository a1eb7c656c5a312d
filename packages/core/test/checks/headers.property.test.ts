import type { IncomingMessage } from "node:http";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { firstGoodOffer, negotiateDeflate } from "../../src/wire/compression.ts";
import { offeredSubprotocols } from "../../src/checks/handshake.ts";
import { isToken, listHolds, listMembers } from "../../src/checks/header-list.ts";
import { UpgradeRequest } from "../../src/checks/upgrade-request.ts";
import { runs } from "../helpers/property.ts";

/** Text that looks like headers, and text that does not. */
const junk = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc
    .array(
      fc.constantFrom(
        "permessage-deflate",
        "server_max_window_bits",
        "client_max_window_bits",
        "server_no_context_takeover",
        "=",
        ";",
        ",",
        " ",
        "\t",
        '"',
        "\\",
        "8",
        "15",
        "09",
        "x",
        "chat",
      ),
      { maxLength: 16 },
    )
    .map((parts) => parts.join("")),
);
const token = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,12}$/);
const space = fc.constantFrom("", " ", "\t", "  ");

function request(headers: Readonly<Record<string, string>>): IncomingMessage {
  return { headers, url: "/", socket: {} } as unknown as IncomingMessage;
}

describe("lists", () => {
  it("give back the members that were joined, whatever stands around them (property)", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(space, token, space)), fc.array(fc.constant(" , "), { maxLength: 3 }), (members, empty) => {
        const header = [...empty, ...members.map((parts) => parts.join("")), ...empty].join(",");
        expect(listMembers(header)).toEqual(members.map(([, name]) => name));
        for (const [, name] of members) expect(listHolds(header.toUpperCase(), name.toLowerCase())).toBe(true);
      }),
      runs(1000),
    );
  });

  it("never hold what is no whole member (property)", () => {
    fc.assert(
      fc.property(junk, (header) => {
        const members = listMembers(header);
        expect(listMembers(members.join(", "))).toEqual(members);
        expect(listHolds(header, "websocket")).toBe(/(?:^|,)\s*websocket\s*(?:,|$)/i.test(header));
      }),
      runs(2000),
    );
  });
});

describe("subprotocols", () => {
  it("are exactly those that were offered, and tokens, or the list is no list (property)", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          junk,
          fc.array(token).map((names) => names.join(", ")),
        ),
        (header) => {
          const offered = offeredSubprotocols({ "sec-websocket-protocol": header });
          const names = header
            .split(",")
            .map((name) => name.trim())
            .filter((name) => name !== "");
          const isList = names.length > 0 && names.every(isToken) && new Set(names).size === names.length;
          expect(offered).toEqual(isList ? names : undefined);
        },
      ),
      runs(2000),
    );
  });
});

describe("permessage-deflate", () => {
  const bits = fc.constantFrom(undefined, "7", "8", "9", "10", "15", "16", "09", "+9", "", "x");
  const parameter = fc.oneof(
    fc.record({
      key: fc.constantFrom("server_no_context_takeover", "client_no_context_takeover"),
      value: fc.constantFrom(undefined, undefined, undefined, "1"),
    }),
    fc.record({ key: fc.constantFrom("server_max_window_bits", "client_max_window_bits"), value: bits }),
    fc.record({ key: fc.constantFrom("unknown", "Server_no_context_takeover"), value: bits }),
  );
  const offer = fc.record({
    name: fc.constantFrom("permessage-deflate", "permessage-deflate", "permessage-deflate", "x-webkit-deflate-frame", "Permessage-Deflate"),
    parameters: fc.array(parameter, { maxLength: 4 }),
    isQuoted: fc.boolean(),
    space,
  });
  type Offer = typeof offer extends fc.Arbitrary<infer Value> ? Value : never;

  const write = ({ name, parameters, isQuoted, space: gap }: Offer): string =>
    [name, ...parameters.map(({ key, value }) => (value === undefined ? key : `${key}=${isQuoted ? `"${value}"` : value}`))].join(`${gap};${gap}`);
  /** RFC 7692 §7.1, and zlib cannot deflate with 8. */
  function isGood({ name, parameters }: Offer): boolean {
    const keys = parameters.map(({ key }) => key);
    if (name !== "permessage-deflate" || new Set(keys).size < keys.length) return false;
    return parameters.every(({ key, value }) => {
      if (key.endsWith("takeover")) return value === undefined && key.startsWith(key[0] === "s" ? "server" : "client");
      if (key === "client_max_window_bits") return value === undefined || /^(?:8|9|1[0-5])$/.test(value);
      return key === "server_max_window_bits" && value !== undefined && /^(?:9|1[0-5])$/.test(value);
    });
  }

  it("is agreed on by the first good offer, and says what that one asked for (property)", () => {
    fc.assert(
      fc.property(fc.array(offer, { maxLength: 4 }), (offers) => {
        const header = offers.map(write).join(", ");
        const good = offers.find(isGood);
        const agreed = negotiateDeflate(header);
        expect(agreed === undefined).toBe(good === undefined);
        expect(firstGoodOffer(header)).toBe(good && write(good).trim());
        const asked = good?.parameters.find(({ key }) => key === "server_max_window_bits")?.value;
        if (agreed !== undefined) expect(agreed.serverMaxWindowBits).toBe(Number(asked ?? 15));
        expect(/server_max_window_bits=(\d+)/.exec(agreed?.header ?? "")?.[1]).toBe(asked);
        expect(agreed?.header ?? "").not.toContain("client_max_window_bits");
      }),
      runs(3000),
    );
  });

  it("takes any text, and its answer reads as an offer of the same (property)", () => {
    fc.assert(
      fc.property(junk, (header) => {
        const agreed = negotiateDeflate(header);
        expect(firstGoodOffer(header) === undefined).toBe(agreed === undefined);
        if (agreed === undefined) return;
        expect(header).toContain("permessage-deflate");
        expect(negotiateDeflate(agreed.header)?.serverMaxWindowBits).toBe(agreed.serverMaxWindowBits);
        expect(negotiateDeflate(firstGoodOffer(header))).toEqual(agreed);
      }),
      runs(5000),
    );
  });

  it("is not found inside a quoted text (property)", () => {
    const inside = fc.array(fc.constantFrom(",", ", permessage-deflate", ";", " ", "x", '\\"', "\\\\"), { maxLength: 6 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(inside, fc.boolean(), (text, isClosed) => {
        expect(negotiateDeflate(`other; a="${text}${isClosed ? '"' : ""}`)).toBeUndefined();
        expect(negotiateDeflate(`other; a="${text}", permessage-deflate`)).toBeDefined();
      }),
      runs(1000),
    );
  });
});

describe("cookies", () => {
  const value = fc.stringMatching(/^[!#-+\--:<-[\]-~]{0,12}$/);

  it("are what was sent, and the first of a name counts (property)", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.oneof(token, fc.constantFrom("__proto__", "constructor", "toString")), value)), (pairs) => {
        const header = pairs.map(([name, text]) => `${name}=${text}`).join("; ");
        const { cookies } = new UpgradeRequest(request({ cookie: header }), { native: undefined });
        const first = new Map<string, string>();
        for (const [name, text] of pairs) if (!first.has(name)) first.set(name, text);
        expect(new Map(Object.entries(cookies))).toEqual(first);
      }),
      runs(1000),
    );
  });

  it("never throw and never touch a prototype, whatever comes (property)", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          junk,
          fc.array(fc.constantFrom("a", "=", ";", " ", "__proto__", "constructor", '"', ",")).map((parts) => parts.join("")),
        ),
        (cookie) => {
          const { cookies } = new UpgradeRequest(request({ cookie }), { native: undefined });
          expect(Object.getPrototypeOf(cookies)).toBeNull();
          for (const [name, text] of Object.entries(cookies)) expect(cookie).toMatch(new RegExp(`${escapeText(name)}\\s*=\\s*${escapeText(text)}`));
        },
      ),
      runs(2000),
    );
  });
});

function escapeText(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}
