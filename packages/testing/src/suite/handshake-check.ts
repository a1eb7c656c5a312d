import { refuse, type UpgraderOptions } from "@upwire/core";
import { CHECK_MEDIA_TYPE, type HandshakeCheck } from "@upwire/protocol";
import { expect } from "vitest";
import type { HandshakeInit, HeaderInit } from "../handshake-request.ts";
import type { Suite } from "./suite.ts";

/** A plain GET, with nothing of a handshake. */
function question(headers: Readonly<Record<string, HeaderInit>> = {}): HandshakeInit {
  return { key: null, version: null, headers: { Upgrade: null, Connection: "close", Accept: CHECK_MEDIA_TYPE, ...headers } };
}

const SITE = "app.example";
const OWN = { Host: SITE, Origin: `https://${SITE}` };
const FOREIGN = { Host: SITE, Origin: "https://evil.example" };
const FAULT = new Error("a bug in authorize");
const NEVER = new Promise<never>(() => {});

interface Row {
  readonly options: UpgraderOptions;
  readonly headers?: Readonly<Record<string, HeaderInit>>;
  readonly answer: HandshakeCheck;
  /** A page of the Origin may read it. */
  readonly isReadable?: boolean;
  readonly errors?: readonly unknown[];
}

const rows: Readonly<Record<string, Row>> = {
  "yes to a client that is no browser": { options: {}, answer: { ok: true } },
  "yes to a page that may connect": { options: {}, headers: OWN, answer: { ok: true }, isReadable: true },
  "yes to a page of the same origin, which sends no Origin with a GET": {
    options: { requireOrigin: true },
    headers: { Host: SITE, Referer: `https://${SITE}/room?q=1` },
    answer: { ok: true },
  },
  "no to a page that may not connect": { options: {}, headers: FOREIGN, answer: { ok: false, status: 403, code: "ERR_ORIGIN", retry: "no" } },
  "no to a page of the same origin that is not in the list": {
    options: { origin: ["https://other.example"] },
    headers: { Host: SITE, Referer: `https://${SITE}/` },
    answer: { ok: false, status: 403, code: "ERR_ORIGIN", retry: "no" },
  },
  "no to a page of a neighbouring host that hides where it is from": {
    options: { authorize: () => Promise.reject(FAULT) },
    headers: { Host: SITE, "Sec-Fetch-Site": "same-site" },
    answer: { ok: false, status: 403, code: "ERR_ORIGIN", retry: "no" },
  },
  "what authorize says of the page's origin, where a GET has no Origin": {
    options: { authorize: ({ origin }) => origin === `https://${SITE}` },
    headers: { Host: SITE, Referer: `https://${SITE}/room?q=1` },
    answer: { ok: true },
  },
  "no to a host that is not ours": {
    options: { allowedHosts: ["other.example"] },
    headers: OWN,
    answer: { ok: false, status: 403, code: "ERR_HOST_NOT_ALLOWED", retry: "no" },
  },
  "what authorize says": {
    options: { authorize: () => refuse(401, "Sign in") },
    headers: OWN,
    answer: { ok: false, status: 401, code: "ERR_UNAUTHORIZED", retry: "no" },
    isReadable: true,
  },
  "what authorize says later": {
    options: { origin: async () => true, authorize: async () => false as const },
    headers: FOREIGN,
    answer: { ok: false, status: 403, code: "ERR_FORBIDDEN", retry: "no" },
    isReadable: true,
  },
  "the time that authorize tells": {
    options: { authorize: () => refuse(503, "Full", { "Retry-After": "7" }) },
    answer: { ok: false, status: 503, code: "ERR_FORBIDDEN", retry: "later", retryAfterMs: 7000 },
  },
  "that a fault may pass": {
    options: { authorize: () => Promise.reject(FAULT) },
    headers: OWN,
    answer: { ok: false, status: 500, code: "ERR_CHECK_FAILED", retry: "yes" },
    isReadable: true,
    errors: [FAULT],
  },
  "that authorize takes too long": {
    options: { authorize: () => NEVER, handshakeTimeoutMs: 50 },
    answer: { ok: false, status: 408, code: "ERR_HANDSHAKE_TIMEOUT", retry: "yes" },
  },
};

/** A page is told nothing of a handshake that was refused. It may ask. */
export function handshakeChecks(suite: Suite): void {
  for (const [index, [title, { options, headers, answer, isReadable = false, errors = [] }]] of Object.entries(rows).entries()) {
    const path = `/check/${index}`;
    suite.route(path, {}, options);
    suite.it(`answers ${title}`, async () => {
      const { answer: given } = await suite.connect(path, question(headers));
      expect([given.status, JSON.parse(given.body)]).toEqual([200, answer]);
      expect([given.header("content-type"), given.header("cache-control"), given.header("vary")]).toEqual([
        `${CHECK_MEDIA_TYPE}; charset=utf-8`,
        "no-store",
        "origin, accept",
      ]);
      const readableBy = isReadable ? [headers?.["Origin"], "true"] : [undefined, undefined];
      expect([given.header("access-control-allow-origin"), given.header("access-control-allow-credentials")]).toEqual(readableBy);
      expect(given.header("x-middleware")).toBe("1");
      expect(suite.errors).toEqual(errors);
    });
  }

  suite.it("takes no place for the answer, and says when there is none", async () => {
    const server = await suite.serve("/ws", {}, { maxConnections: 1 });
    const ask = async (): Promise<unknown> => JSON.parse((await server.connect("/ws", question())).body);
    expect([await ask(), await ask()]).toEqual([{ ok: true }, { ok: true }]);
    expect((await server.connect("/ws")).status).toBe(101);
    expect(await ask()).toEqual({ ok: false, status: 503, code: "ERR_TOO_MANY_CONNECTIONS", retry: "later", retryAfterMs: 5000 });
  });

  suite.it("says that the server goes down, and when to come again", async () => {
    const server = await suite.serve("/ws", {});
    await server.connect("/ws");
    const ended = server.attachment.shutdown({ spreadMs: 3_600_000, retryAfterMs: 7000 });
    const { body } = await server.connect("/ws", question());
    expect(JSON.parse(body)).toEqual({ ok: false, status: 503, code: "ERR_SHUTTING_DOWN", retry: "later", retryAfterMs: 7000 });
    await Promise.all([server.attachment.close(), ended]);
  });

  const told: string[] = [];
  let authorized = 0;
  suite.route("/check/told", {}, { authorize: () => void authorized++, onReject: ({ code }) => void told.push(code) });
  suite.it("runs authorize for pages that may connect only, and tells onReject nothing", async () => {
    await suite.connect("/check/told", question(FOREIGN));
    expect(authorized).toBe(0);
    await suite.connect("/check/told", question(OWN));
    expect([authorized, told]).toEqual([1, []]);
  });

  let failLate: (error: unknown) => void = () => {};
  const late = new Promise<never>((_resolve, reject) => (failLate = reject));
  suite.route("/check/late", {}, { authorize: () => late, handshakeTimeoutMs: 50 });
  suite.it("reports what authorize throws behind the answer", async () => {
    const { body } = (await suite.connect("/check/late", question())).answer;
    expect([JSON.parse(body), suite.errors]).toEqual([{ ok: false, status: 408, code: "ERR_HANDSHAKE_TIMEOUT", retry: "yes" }, []]);
    failLate(FAULT);
    await expect.poll(() => suite.errors).toEqual([FAULT]);
  });

  suite.route("/private/check", {});
  suite.it("leaves a no of the middleware as it is", async () => {
    const { answer } = await suite.connect("/private/check", question());
    expect([answer.status, answer.header("x-refused"), answer.body]).toEqual([401, "1", "no entry"]);
  });

  suite.route("/check/accept", {});
  suite.it("finds its media type among others, in any letters", async () => {
    for (const accept of [`text/html, ${CHECK_MEDIA_TYPE};q=0.9`, CHECK_MEDIA_TYPE.toUpperCase()]) {
      expect([accept, (await suite.connect("/check/accept", question({ Accept: accept }))).status]).toEqual([accept, 200]);
    }
  });

  suite.it("is no question without that media type, with another method, and as a handshake", async () => {
    const asked = question();
    for (const accept of [null, "*/*", "application/json", `${CHECK_MEDIA_TYPE}x`]) {
      expect([accept, (await suite.connect("/check/accept", question({ Accept: accept }))).status]).toEqual([accept, 426]);
    }
    expect((await suite.connect("/check/accept", { ...asked, method: "HEAD" })).status).toBe(405);
    expect((await suite.connect("/check/accept", { headers: { Accept: CHECK_MEDIA_TYPE } })).status).toBe(101);
  });
}
