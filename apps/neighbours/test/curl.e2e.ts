import { WireClient } from "@upwire/testing";
import { beforeAll, describe, expect, it } from "vitest";
import { makeCertificate } from "../../tools/certificate.mjs";
import { startApp, variants, type Protocol, type Variant } from "./apps.ts";
import { curl, type CurlRun } from "./curl.ts";

/** What `curl --http2` adds by itself where no TLS tells the protocol: RFC 7540 section 3.2. */
const h2c = ["-H", "Connection: Upgrade, HTTP2-Settings", "-H", "Upgrade: h2c", "-H", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"];
const json = ["-H", "Content-Type: application/json"];
const large = JSON.stringify({ long: "x".repeat(300_000) });

interface Call {
  readonly title: string;
  readonly path: string;
  readonly args: readonly string[];
  readonly input?: string;
  /** The right answers, one for each head that comes. */
  readonly statuses: readonly number[];
  /** What the last body has to be, where it is not the framework's own page. */
  readonly body?: string;
  /** A variant whose server cannot do it, without us and without HTTP/2 either. */
  readonly except?: Variant;
}

const calls: readonly Call[] = [
  { title: "a page", path: "/page", args: [], statuses: [200], body: "the page" },
  { title: "only the head of a page", path: "/page", args: ["--head"], statuses: [200], except: "hono-node-ws" },
  { title: "a page that is not there", path: "/missing", args: [], statuses: [404] },
  { title: "a POST with a length", path: "/json", args: [...json, "--data", '{"a":1}'], statuses: [200], body: 'got {"a":1}' },
  { title: "a large POST with a length", path: "/json", args: [...json, "-H", "Expect:", "--data", "@-"], input: large, statuses: [200], body: `got ${large}` },
  { title: "a chunked POST", path: "/json", args: [...json, "-H", "Transfer-Encoding: chunked", "--data", '{"a":1}'], statuses: [200], body: 'got {"a":1}' },
  {
    title: "a large upload from a pipe",
    path: "/json",
    args: [...json, "-H", "Expect:", "-X", "POST", "-T", "-"],
    input: large,
    statuses: [200],
    body: `got ${large}`,
  },
  {
    title: "a POST that waits for 100 Continue",
    path: "/json",
    args: [...json, "-H", "Expect: 100-continue", "--data", '{"a":1}'],
    statuses: [100, 200],
    body: 'got {"a":1}',
  },
];

function statusesOf({ output }: CurlRun): number[] {
  return [...output.matchAll(/^HTTP\/[\d.]+ (\d{3})/gm)].map(([, status]) => Number(status));
}

function bodyOf({ output }: CurlRun): string {
  return output.slice(output.lastIndexOf("\n\n") + 2);
}

function isRight(run: CurlRun, { statuses, body }: Call): boolean {
  return run.code === 0 && JSON.stringify(statusesOf(run)) === JSON.stringify(statuses) && (body === undefined || bodyOf(run) === body);
}

describe.each(variants)("curl that offers HTTP/2 to %s", (variant: Variant) => {
  let certificate: { key: string; cert: string };
  beforeAll(async () => {
    certificate = await makeCertificate("127.0.0.1");
  });

  async function both(protocol: Protocol): Promise<{ readonly ours: number; readonly control: number }> {
    const [ours, control] = await Promise.all([
      startApp(variant, { protocol, certificate, attached: { handshakeTimeoutMs: 2000, headTimeoutMs: 2000 } }),
      startApp(variant, { protocol, certificate }),
    ]);
    return { ours: ours.port, control: control.port };
  }

  async function expectSame(protocol: "http" | "https", offer: readonly string[]): Promise<void> {
    const ports = await both(protocol);
    const wrong: string[] = [];
    for (const call of calls.filter(({ except }) => except !== variant)) {
      const run = (port: number): Promise<CurlRun> => curl([...offer, ...call.args, `${protocol}://127.0.0.1:${port}${call.path}`], call.input);
      const ours = await run(ports.ours);
      const control = await run(ports.control);
      const seen = `${call.title}: exit ${ours.code}, ${ours.output.slice(0, 300)}`;
      if (!isRight(ours, call)) wrong.push(`wrong, ${seen}`);
      // Node itself loses bytes behind an upgrade that it ignores, so the control may be wrong; never we.
      else if (isRight(control, call) && ours.output !== control.output) wrong.push(`not as without attach, ${seen}\nbut\n${control.output.slice(0, 300)}`);
    }
    expect(wrong).toEqual([]);
    const client = await WireClient.connect({ port: ports.ours, path: "/ws", ...(protocol === "https" ? { tls: { rejectUnauthorized: false } } : {}) });
    client.sendText("hello");
    expect((await client.nextMessage()).text).toBe("hello");
    client.socket.destroy();
  }

  it("answers as a server without attach does", () => expectSame("http", ["--http2"]));

  it("answers as a server without attach does over TLS", () => expectSame("https", ["--http1.1", ...h2c]));

  it("keeps the connection for the next requests", async () => {
    const ports = await both("http");
    const run = (port: number): Promise<CurlRun> => {
      const page = `http://127.0.0.1:${port}/page`;
      return curl(["--http2", "--write-out", "\nconnections %{num_connects}\n", page, page, page]);
    };
    const ours = await run(ports.ours);
    expect(ours.code).toBe(0);
    expect(statusesOf(ours)).toEqual([200, 200, 200]);
    expect([...ours.output.matchAll(/^connections (\d)$/gm)].map(([, count]) => Number(count))).toEqual([1, 0, 0]);
    expect(ours.output).toBe((await run(ports.control)).output);
  });

  it("keeps the connection behind a POST too", async () => {
    const ports = await both("http");
    const run = (port: number): Promise<CurlRun> => {
      const url = `http://127.0.0.1:${port}/json`;
      return curl(["--http2", ...json, "--data", '{"a":1}', "--write-out", "\nconnections %{num_connects}\n", url, url]);
    };
    const ours = await run(ports.ours);
    expect(ours.code).toBe(0);
    expect(statusesOf(ours)).toEqual([200, 200]);
    expect([...ours.output.matchAll(/^connections (\d)$/gm)].map(([, count]) => Number(count))).toEqual([1, 0]);
  });
});

// Express and Koa do not run on node:http2, nor does the first major version of @hono/node-server tell it apart.
describe.each(["node", "fastify", "hono"] as const)("curl on HTTP/2 to %s with allowHTTP1", (variant) => {
  it("gets its pages, and a refusal at the route; a WebSocket by HTTP/1.1 works beside it", async () => {
    const certificate = await makeCertificate("127.0.0.1");
    const { port } = await startApp(variant, { protocol: "http2", certificate, attached: {} });
    const url = `https://127.0.0.1:${port}`;
    const page = await curl(["--http2", `${url}/page`]);
    expect([page.code, page.output.split(" ", 2).join(" "), bodyOf(page)]).toEqual([0, "HTTP/2 200", "the page"]);
    const posted = await curl(["--http2", ...json, "--data", '{"a":1}', `${url}/json`]);
    expect([posted.code, bodyOf(posted)]).toEqual([0, 'got {"a":1}']);
    const refused = await curl(["--http2", `${url}/ws`]);
    expect([refused.code, statusesOf(refused)]).toEqual([0, [426]]);
    expect(refused.output).not.toMatch(/^(connection|upgrade):/im);
    const old = await curl(["--http1.1", ...h2c, ...json, "--data", '{"a":1}', `${url}/json`]);
    expect([old.code, bodyOf(old)]).toEqual([0, 'got {"a":1}']);
    const client = await WireClient.connect({ port, path: "/ws", tls: { rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] } });
    client.sendText("hello");
    expect((await client.nextMessage()).text).toBe("hello");
    client.socket.destroy();
  });
});
