import { channel } from "node:diagnostics_channel";
import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { ConnectionError, logEvents, type LogOptions, type UpgraderOptions } from "@upwire/core";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { closing, nextMessage, serve } from "../helpers/served.ts";

/** CR, LF, ESC, DEL, NEL, U+2028, U+2029, a bidi override, a bidi isolate, a BOM, an invisible tag, half a surrogate pair. */
const HOSTILE = "a\r\nb\u001b[31mc\u007f\u0085\u2028\u2029\u202e\u2066\ufeff\u{e0041}\ud800z";
const ACTIVE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

type Line = Readonly<Record<string, unknown>>;

/** What is logged until the test ends. */
function logged(options: LogOptions = {}): string[] {
  const lines: string[] = [];
  onTestFinished(logEvents({ write: (line) => void lines.push(line), ...options }));
  return lines;
}

function parsed(lines: readonly string[]): Line[] {
  return lines.map((line) => {
    expect(line).not.toMatch(ACTIVE);
    return JSON.parse(line) as Line;
  });
}

/** What no HTTP parser lets through today is published as if one had. */
function refuse(url: string, origin?: string): void {
  channel("upwire:refused").publish({
    code: "ERR_ORIGIN",
    status: 403,
    request: { url, origin, remoteAddress: "192.0.2.1:5", raw: { method: "GET" } },
  });
}

function pathOf(url: string, options?: LogOptions): unknown {
  const lines = logged(options);
  refuse(url);
  return parsed(lines)[0]?.["path"];
}

async function refusedBy(options: UpgraderOptions, path: string, headers: Record<string, string>): Promise<void> {
  const { port } = await serve(undefined, options);
  const client = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers });
  await once(client, "unexpected-response");
  client.on("error", () => {}).terminate();
}

describe("a line", () => {
  it("is one for each event, whatever the client wrote, and says the same when it is parsed", () => {
    const lines = logged();
    refuse(`/${HOSTILE}`, HOSTILE);
    const [line] = parsed(lines);
    expect(lines).toHaveLength(1);
    expect(line).toMatchObject({
      event: "refused",
      code: "ERR_ORIGIN",
      status: 403,
      method: "GET",
      address: "192.0.2.1:5",
      path: `/${HOSTILE}`,
      origin: HOSTILE,
    });
    expect(Date.parse(String(line?.["time"]))).not.toBeNaN();
  });

  it("has at most 256 characters of a value", () => {
    const lines = logged();
    refuse(`/${"p".repeat(10_000)}`, `https://${"o".repeat(10_000)}`);
    const [line] = parsed(lines);
    expect([line?.["path"], line?.["origin"]]).toEqual([`/${"p".repeat(254)}…`, `https://${"o".repeat(247)}…`]);
  });
});

describe("a request target", () => {
  it.each([
    ["/ws", "/ws"],
    ["/ws?token=SECRET&room=SECRET", "/ws?token=***&room=***"],
    ["/ws?SECRET", "/ws?***"],
    ["/ws?U0VDUkVU==", "/ws?***"],
    ["/ws?=SECRET&&a=", "/ws?***&***&***"],
    ["/ws?a=b?token=SECRET", "/ws?a=***"],
    ["/ws#SECRET", "/ws#***"],
    ["/ws?a=1#access_token=SECRET#SECRET", "/ws?a=***#***"],
    ["/ws%3Ftoken=SECRET%23SECRET", "/ws?token=***#***"],
    ["/ws;jsessionid=SECRET/x;SECRET=SECRET", "/ws;jsessionid=***/x;SECRET=***"],
    ["http://user:SECRET@host/ws?a=SECRET", "http://***@host/ws?a=***"],
    ["//SECRET@host", "//***@host"],
    ["", ""],
  ])("%s is written as %s", (url, written) => {
    expect(pathOf(url)).toBe(written);
  });

  it("can be redacted further, but not less", () => {
    expect(pathOf("/invite/SECRET?a=SECRET", { redact: (target) => target.replace(/\/invite\/[^/?]+/, "/invite/***") })).toBe("/invite/***?a=***");
  });

  it("is hidden whole when that throws", () => {
    const redact = (): never => {
      throw new Error("redact");
    };
    expect(pathOf("/invite/SECRET", { redact })).toBe("***");
  });
});

describe("what is logged", () => {
  it("is a refusal of a route, without query, cookies, credentials and subprotocols", async () => {
    const lines = logged();
    const headers = {
      origin: "https://user:SECRET@evil.test",
      cookie: "session=SECRET",
      authorization: "Bearer SECRET",
      "sec-websocket-protocol": "v1, SECRET",
    };
    await refusedBy({}, "/ws?token=SECRET", headers);
    expect(lines.join()).not.toContain("SECRET");
    expect(parsed(lines)).toMatchObject([{ event: "refused", code: "ERR_ORIGIN", status: 403, path: "/ws?token=***", origin: "https://***@evil.test" }]);
  });

  it("is a connection that upwire ends, once, with what the socket said", async () => {
    const lines = logged();
    const served = await serve(undefined);
    const client = await served.client();
    const connection = await served.nextConnection();
    const code = closing(client);
    client.send(Buffer.alloc(2 * 1024 * 1024));
    expect((await code).code).toBe(1009);
    expect(parsed(lines)).toMatchObject([{ event: "closure", code: "ERR_MESSAGE_TOO_BIG", closeCode: 1009, connection: connection.id, path: "/" }]);
    channel("upwire:closure").publish({
      connection,
      error: new ConnectionError("ERR_SOCKET", { cause: Object.assign(new Error("x"), { code: "ECONNRESET" }) }),
    });
    expect(parsed(lines)[1]).toMatchObject({ code: "ERR_SOCKET", closeCode: 1006, cause: "ECONNRESET" });
  });

  it("is an error of a hook, without its text, which may quote the payload", async () => {
    const lines = logged();
    const served = await serve({ message: (_connection, message) => void JSON.parse(message.text()) }, { onError: () => {} });
    const client = await served.client();
    const code = closing(client);
    client.send("PAYLOAD");
    expect((await code).code).toBe(1011);
    expect(lines.join()).not.toContain("PAYLOAD");
    expect(parsed(lines)).toMatchObject([
      { event: "error", error: "SyntaxError", path: "/" },
      { event: "closure", code: "ERR_HANDLER", closeCode: 1011, cause: "SyntaxError" },
    ]);
  });

  it("is an error from before the upgrade too", async () => {
    const lines = logged();
    await refusedBy({ authorize: () => Promise.reject(new TypeError("SECRET")), onError: () => {} }, "/", {});
    expect(parsed(lines)).toMatchObject([
      { event: "error", error: "TypeError" },
      { event: "refused", code: "ERR_CHECK_FAILED" },
    ]);
    expect(lines.join()).not.toContain("SECRET");
  });

  it("is every connection where that is asked for, with the reason that the client wrote", async () => {
    const lines = logged({ connections: true });
    const served = await serve({ open: (connection) => void connection.send("hi") });
    const client = await served.client();
    const reason = HOSTILE.replace("\ud800", "");
    client.close(4000, reason);
    await (
      await served.nextConnection()
    ).closed;
    expect(parsed(lines)).toMatchObject([{ event: "open" }, { event: "close", code: 4000, reason, wasClean: true }]);
  });

  it("is nothing about connections unless asked, and nothing after the end", async () => {
    const lines: string[] = [];
    const stop = logEvents({ write: (line) => void lines.push(line) });
    const served = await serve({ open: (connection) => void connection.send("hi") });
    const client = new WebSocket(`ws://127.0.0.1:${served.port}/`);
    await nextMessage(client);
    expect(lines).toEqual([]);
    stop();
    refuse("/");
    expect(lines).toEqual([]);
  });
});

describe("a writer that fails", () => {
  it.each<[string, () => unknown]>([
    [
      "throws",
      (): never => {
        throw new Error("disk full");
      },
    ],
    ["rejects", (): Promise<never> => Promise.reject(new Error("disk full"))],
  ])("ends nothing when it %s", async (_title, write) => {
    const uncaught: unknown[] = [];
    const note = (error: unknown): void => void uncaught.push(error);
    process.on("uncaughtException", note).on("unhandledRejection", note);
    onTestFinished(() => void process.off("uncaughtException", note).off("unhandledRejection", note));
    logged({ write });
    const lines = logged();
    refuse("/");
    // What a subscriber throws is raised on the next tick, and a rejection is reported a turn later.
    await setImmediate();
    await setImmediate();
    expect([uncaught, lines.length]).toEqual([[], 1]);
  });
});
