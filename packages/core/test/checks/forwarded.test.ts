import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { Upgrader } from "@upwire/core";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { printAddress } from "../../src/checks/client-address.ts";
import { compileTrustProxy, type TrustProxy } from "../../src/checks/forwarded.ts";
import { serve } from "../helpers/served.ts";

type Headers = readonly (readonly [name: string, value: string])[];

const PEER = "10.0.0.1";

function request(headers: Headers, peer = PEER): IncomingMessage {
  return { rawHeaders: headers.flat(), socket: { remoteAddress: peer, remotePort: 555 } } as unknown as IncomingMessage;
}

const xff = (...lines: string[]): Headers => lines.map((line) => ["X-Forwarded-For", line]);
const forwarded = (...lines: string[]): Headers => lines.map((line) => ["Forwarded", line]);

function clientOf(trust: TrustProxy | undefined, headers: Headers, peer?: string): string {
  return printAddress(compileTrustProxy(trust)(request(headers, peer)));
}

describe("the address of the client", () => {
  it.each<[TrustProxy | undefined, Headers, string]>([
    // Nobody is trusted.
    [undefined, xff("1.1.1.1"), "10.0.0.1:555"],
    [[], xff("1.1.1.1"), "10.0.0.1:555"],
    [["10.0.0.2"], xff("1.1.1.1"), "10.0.0.1:555"],
    // By number.
    [1, [], "10.0.0.1:555"],
    [1, xff("1.1.1.1"), "1.1.1.1"],
    [1, xff("9.9.9.9, 1.1.1.1"), "1.1.1.1"],
    [2, xff("9.9.9.9, 1.1.1.1, 10.0.0.2"), "1.1.1.1"],
    [2, xff("9.9.9.9", "1.1.1.1", "10.0.0.2"), "1.1.1.1"],
    [5, xff("1.1.1.1, 10.0.0.2"), "1.1.1.1"],
    [2, xff("1.1.1.1, unknown"), "1.1.1.1"],
    [2, xff("unknown, 10.0.0.2"), "10.0.0.2"],
    // By address.
    [["10.0.0.0/8"], xff("9.9.9.9, 1.1.1.1, 10.0.0.3, 10.0.0.2"), "1.1.1.1"],
    [["10.0.0.0/8"], xff("10.0.0.3, 10.0.0.2"), "10.0.0.3"],
    [["10.0.0.1", "2001:db8::/32"], xff("1.1.1.1, 2001:DB8::7"), "1.1.1.1"],
    [["10.0.0.1"], xff("1.1.1.1, 10.0.0.2"), "10.0.0.2"],
    [["::ffff:10.0.0.0/104"], xff("1.1.1.1, ::ffff:10.2.3.4"), "1.1.1.1"],
    [["::ffff:10.0.0.1"], xff("1.1.1.1"), "1.1.1.1"],
    [["10.0.0.1"], xff("9.9.9.9, unknown"), "10.0.0.1:555"],
    // Spellings.
    [1, xff("1.1.1.1:4711"), "1.1.1.1:4711"],
    [1, xff("2001:DB8:0::1"), "2001:db8::1"],
    [1, xff("[2001:db8::1]:4711"), "[2001:db8::1]:4711"],
    [1, xff("[2001:db8::1]"), "2001:db8::1"],
    [1, xff("::ffff:102:304"), "1.2.3.4"],
    [1, xff(" , 1.1.1.1 , "), "1.1.1.1"],
    [1, xff("1.1.1.1:0"), "1.1.1.1"],
    [1, xff("1.1.1.1:65536"), "1.1.1.1"],
    // What is no address leaves what is known.
    ...[
      "unix:",
      "01.2.3.4",
      "1.2.3",
      "fe80::1%eth0",
      "[1.2.3.4]",
      "1.1.1.1]",
      "1.1.1.1 2.2.2.2",
      "localhost",
      '"',
      '\\"',
      "::1:",
      "\u0000",
      "x".repeat(9000),
    ].map((junk): [TrustProxy, Headers, string] => [1, xff(junk), "10.0.0.1:555"]),
    // RFC 7239.
    [1, forwarded("for=1.1.1.1"), "1.1.1.1"],
    [1, forwarded('For="[2001:db8::1]:4711"'), "[2001:db8::1]:4711"],
    [1, forwarded('for="1.1.1.1:4711";proto=https;by=10.0.0.1'), "1.1.1.1:4711"],
    [1, forwarded('for="1.1.1.1:_hidden"'), "1.1.1.1"],
    [1, forwarded("for=9.9.9.9, for=1.1.1.1"), "1.1.1.1"],
    [1, forwarded('for=1.1.1.1;note="a, for=9.9.9.9"'), "1.1.1.1"],
    [1, forwarded('for="9.9.9.9, for=1.1.1.1'), "1.1.1.1"],
    [2, forwarded("for=1.1.1.1", "for=_proxy"), "1.1.1.1"],
    [2, forwarded('for=1.1.1.1, for=10.0.0.2;note="\\", for=9.9.9.9"'), "1.1.1.1"],
    [["10.0.0.1"], forwarded("for=9.9.9.9, for=_proxy"), "10.0.0.1:555"],
    ...["for", "for=", "for=1.1.1.1;for=2.2.2.2", 'for="1.1.1.1', "for=1.1.1.1;", "=1.1.1.1", 'for="1.1.\\1.1"', "proto=https", "for=unknown"].map(
      (junk): [TrustProxy, Headers, string] => [1, forwarded(junk), "10.0.0.1:555"],
    ),
    // Both: they agree, or neither counts, since a client may have written the one that the proxy does not know.
    [1, [...xff("1.1.1.1"), ...forwarded('for="1.1.1.1:4711"')], "1.1.1.1"],
    [1, [...xff("1.1.1.1"), ...forwarded("for=9.9.9.9")], "10.0.0.1:555"],
    [1, [...xff("1.1.1.1"), ...forwarded("junk")], "1.1.1.1"],
  ])("trusting %j, %j is %s", (trust, headers, client) => {
    expect(clientOf(trust, headers)).toBe(client);
  });

  it.each<[TrustProxy, string | undefined, string]>([
    [["10.0.0.1"], "::ffff:10.0.0.1", "1.1.1.1"],
    [["fe80::/10"], "fe80::1%eth0", "1.1.1.1"],
    [["2001:db8::1"], "2001:db8::2", "[2001:db8::2]:555"],
    // A Unix socket: trusted by number only.
    [1, undefined, "1.1.1.1"],
    [["10.0.0.0/8"], undefined, "unknown:0"],
  ])("trusting %j, the peer %s makes it %s", (trust, peer, client) => {
    // `undefined` would take the default.
    const req = peer === undefined ? Object.assign(request(xff("1.1.1.1")), { socket: {} as Socket }) : request(xff("1.1.1.1"), peer);
    expect(printAddress(compileTrustProxy(trust)(req))).toBe(client);
  });
});

describe("scheme and host", () => {
  it.each<[TrustProxy | undefined, Headers, "http" | "https" | undefined, string | undefined]>([
    [undefined, [["X-Forwarded-Proto", "https"]], undefined, undefined],
    [
      ["10.9.9.9"],
      [
        ["X-Forwarded-Proto", "https"],
        ["X-Forwarded-Host", "a.example"],
      ],
      undefined,
      undefined,
    ],
    [
      1,
      [
        ["X-Forwarded-Proto", "https"],
        ["X-Forwarded-Host", "a.example:8080"],
      ],
      "https",
      "a.example:8080",
    ],
    [1, [["X-Forwarded-Proto", "WSS"]], "https", undefined],
    [
      1,
      [
        ["X-Forwarded-Proto", "http"],
        ["X-Forwarded-Host", "[::1]:80"],
      ],
      "http",
      "[::1]:80",
    ],
    [1, [["X-Forwarded-Proto", "https, http"]], "http", undefined],
    [
      1,
      [
        ["X-Forwarded-Proto", "https"],
        ["X-Forwarded-Proto", "http"],
      ],
      "http",
      undefined,
    ],
    [
      1,
      [
        ["X-Forwarded-Proto", "ftp"],
        ["X-Forwarded-Host", "a.example/x"],
      ],
      undefined,
      undefined,
    ],
    [
      1,
      [
        ["X-Forwarded-Proto", ""],
        ["X-Forwarded-Host", "user@a.example"],
      ],
      undefined,
      undefined,
    ],
    [1, forwarded('for=1.1.1.1;proto=https;host="a.example:8080"'), "https", "a.example:8080"],
    [1, forwarded("for=_hidden;proto=https;host=a.example"), "https", "a.example"],
    [1, forwarded("proto=https;host=b.example, proto=http;host=a.example"), "http", "a.example"],
    [2, forwarded("for=1.1.1.1;proto=https;host=a.example, for=10.0.0.2;proto=http;host=inner"), "https", "a.example"],
    [1, [["X-Forwarded-Proto", "https"], ...forwarded("proto=http")], undefined, undefined],
    [1, [["X-Forwarded-Host", "A.example"], ...forwarded("host=a.example")], undefined, "A.example"],
  ])("trusting %j, %j says %s and %s", (trust, headers, scheme, host) => {
    expect(compileTrustProxy(trust)(request(headers))).toMatchObject({ scheme, host });
  });
});

describe("the option", () => {
  it.each<[unknown, ErrorConstructor]>([
    [0, RangeError],
    [-1, RangeError],
    [1.5, RangeError],
    [Number.NaN, RangeError],
    [Infinity, RangeError],
    [true, TypeError],
    [false, TypeError],
    ["10.0.0.1", TypeError],
    [null, TypeError],
    [["proxy.example"], TypeError],
    [[""], TypeError],
    [[10], TypeError],
    [["10.0.0.0/8/8"], TypeError],
    [["fe80::1%eth0"], TypeError],
    [["10.0.0.0/33"], RangeError],
    [["10.0.0.0/"], RangeError],
    [["10.0.0.0/-1"], RangeError],
    [["10.0.0.0/8x"], RangeError],
    [["::/129"], RangeError],
    [["0.0.0.0/0"], RangeError],
    [["::/0"], RangeError],
    [["::ffff:0.0.0.0/96"], RangeError],
  ])("%j is refused at construction", (trustProxy, kind) => {
    expect(() => new Upgrader({ trustProxy: trustProxy as TrustProxy })).toThrow(kind);
  });
});

describe("a client that lies", () => {
  const text = fc.oneof(
    fc.string({ maxLength: 40 }),
    fc.string({ unit: fc.constantFrom('"', "\\", ",", ";", "=", "[", "]", ":", " ", "\t", "f", "o", "r", "1", ".", "%"), maxLength: 60 }),
    fc.ipV4(),
    fc.ipV6(),
    fc.ipV4().map((ip) => `for=${ip};proto=https;host=evil.example`),
    fc.constant("10.0.0.2"),
  );
  const trust = fc.constantFrom<TrustProxy>(1, [PEER], ["10.0.0.0/8"]);
  const address = fc.oneof(
    fc.ipV4().filter((ip) => !ip.startsWith("10.")),
    fc.ipV6().filter((ip) => !ip.startsWith("::")),
  );
  const quoted = (ip: string): string => (ip.includes(":") ? `"[${ip}]:9"` : ip);

  it("changes nothing on the left of what the trusted proxy wrote (property)", () => {
    fc.assert(
      fc.property(trust, address, fc.array(text, { maxLength: 4 }), fc.boolean(), fc.boolean(), (trustProxy, ip, lies, sameLine, standard) => {
        const truth: Headers = standard
          ? forwarded(`for=${quoted(ip)};proto=http;host="a.example:1"`)
          : [...xff(ip), ["X-Forwarded-Proto", "http"], ["X-Forwarded-Host", "a.example:1"]];
        // A proxy appends to the header that it found, or puts one of its own behind it.
        const withLies = truth.flatMap(([name, value]): Headers =>
          sameLine ? [[name, [...lies, value].join(", ")]] : [...lies.map((lie) => [name, lie] as const), [name, value]],
        );
        const find = compileTrustProxy(trustProxy);
        expect(find(request(withLies))).toEqual(find(request(truth)));
        expect(find(request(truth))).toMatchObject({ scheme: "http", host: "a.example:1" });
      }),
      { numRuns: 2000 },
    );
  });

  it("gets no address of its choice by the header that the proxy does not write (property)", () => {
    fc.assert(
      fc.property(trust, address, fc.array(text, { maxLength: 4 }), fc.boolean(), (trustProxy, ip, lies, standard) => {
        const headers = standard ? [...forwarded(`for=${quoted(ip)}`), ...xff(...lies)] : [...xff(ip), ...forwarded(...lies)];
        const found = compileTrustProxy(trustProxy)(request(headers)).ip;
        const honest = compileTrustProxy(trustProxy)(request(standard ? forwarded(`for=${quoted(ip)}`) : xff(ip))).ip;
        expect([honest, PEER]).toContain(found);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ["commas", ",".repeat(12_288)],
    ["quotes", '"'.repeat(12_288)],
    ["backslashes", "\\".repeat(12_288)],
    ["escaped quotes", '\\"'.repeat(6144)],
    ["open quotes", '",'.repeat(6144)],
    ["trusted addresses", "10.0.0.2,".repeat(1365)],
    ["pairs", "a=b;".repeat(3072)],
    ["for", "for=10.0.0.2,".repeat(945)],
    ["brackets", "[".repeat(12_288)],
    ["colons", ":".repeat(12_288)],
    ["spaces", `1${" ".repeat(12_280)}1`],
    ["digits", "1".repeat(12_288)],
  ])("costs little with 12 KiB of %s", (_name, hostile) => {
    const names = ["X-Forwarded-For", "Forwarded", "X-Forwarded-Proto", "X-Forwarded-Host"];
    const find = compileTrustProxy(["10.0.0.0/8"]);
    // The least of some, against half of it, in time of this process: what else the machine does is no fault of ours.
    const cost = (value: string): number => {
      const times = Array.from({ length: 9 }, () => {
        const before = process.cpuUsage();
        find(request(names.map((name) => [name, value])));
        return process.cpuUsage(before).user / 1000;
      });
      return Math.min(...times);
    };
    expect(cost(hostile)).toBeLessThan(3 * cost(hostile.slice(0, hostile.length / 2)) + 20);
  });
});

describe("through a real server", () => {
  it("reaches the connection and the origin check", async () => {
    const served = await serve(undefined, { trustProxy: ["127.0.0.1"] });
    const headers = { "X-Forwarded-For": "9.9.9.9, 1.1.1.1:4711", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "a.example" };
    const client = await served.client({ headers, origin: "https://a.example" });
    const connection = await served.nextConnection();
    expect([connection.remoteAddress, connection.request.secure, connection.request.host]).toEqual(["1.1.1.1:4711", true, "a.example"]);
    client.terminate();
    await expect(served.client({ headers, origin: "http://a.example" })).rejects.toThrow("403");
    await expect(served.client({ headers, origin: `https://127.0.0.1:${served.port}` })).rejects.toThrow("403");
    await expect(served.client({ headers: { ...headers, "X-Forwarded-Proto": "http" }, origin: "https://a.example" })).rejects.toThrow("403");
  });

  it("is not believed without the option", async () => {
    const served = await serve(undefined);
    const headers = { "X-Forwarded-For": "1.1.1.1", "X-Forwarded-Host": "a.example", Forwarded: "for=1.1.1.1;host=a.example" };
    await expect(served.client({ headers, origin: "https://a.example" })).rejects.toThrow("403");
    await served.client({ headers });
    expect((await served.nextConnection()).remoteAddress).toMatch(/^127\.0\.0\.1:\d+$/);
  });
});
