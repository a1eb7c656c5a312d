import { EventEmitter, once } from "node:events";
import { createRequire } from "node:module";
import { refuse } from "@upwire/core";
import { WireClient } from "@upwire/testing";
import { SpanKind } from "@opentelemetry/api";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import { registerInstrumentations } from "@opentelemetry/instrumentation";
import type { ReadableSpan, SpanProcessor } from "@opentelemetry/sdk-trace-base";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { afterAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { startApp, type Variant } from "./apps.ts";

/** Counts the spans of requests to us. */
class Spans extends EventEmitter implements SpanProcessor {
  started = 0;
  ended: ReadableSpan[] = [];

  clear(): void {
    this.started = 0;
    this.ended = [];
  }

  onStart({ kind }: { readonly kind: SpanKind }): void {
    if (kind !== SpanKind.SERVER) return;
    this.started++;
    this.emit("start");
  }

  onEnd(span: ReadableSpan): void {
    if (span.kind !== SpanKind.SERVER) return;
    this.ended.push(span);
    this.emit("end");
  }

  /** Until `count` have ended. */
  async endOf(count: number): Promise<readonly ReadableSpan[]> {
    while (this.ended.length < count) await once(this, "end", { signal: AbortSignal.timeout(3000) });
    return this.ended;
  }

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {}
}

const spans = new Spans();
const provider = new NodeTracerProvider({ spanProcessors: [spans] });
provider.register();
const unregister = registerInstrumentations({ instrumentations: [new HttpInstrumentation()] });
// The instrumentation acts on the next `require`, and then on what all servers share.
createRequire(import.meta.url)("node:http");

afterAll(async () => {
  unregister();
  await provider.shutdown();
});

function statusOf(span: ReadableSpan | undefined): unknown {
  const { attributes = {} } = span ?? {};
  return attributes["http.response.status_code"] ?? attributes["http.status_code"];
}

// The plugins answer an upgrade past Node's `request` event, where the instrumentation begins its spans.
const natives: readonly Variant[] = ["node", "express", "fastify", "hono", "koa"];

describe.each(natives)("the HTTP instrumentation of OpenTelemetry on %s", (variant) => {
  beforeEach(() => spans.clear());

  async function connect(port: number, path: string): Promise<WireClient> {
    const client = await WireClient.connect({ port, path });
    onTestFinished(() => void client.socket.destroy());
    return client;
  }

  it("ends the span of a handshake that became a WebSocket, while that lives on", async () => {
    const { port } = await startApp(variant, { attached: {} });
    const client = await connect(port, "/ws");
    const [span] = await spans.endOf(1);
    expect([client.status, statusOf(span)]).toEqual([101, 101]);
    client.sendText("hello");
    expect((await client.nextMessage()).text).toBe("hello");
    await client.close(1000);
    expect([spans.started, spans.ended.length]).toEqual([1, 1]);
  });

  it("ends the span of a refusal, and of a page that is not there", async () => {
    const { port } = await startApp(variant, { attached: {}, route: { authorize: () => refuse(403) } });
    expect((await connect(port, "/ws")).status).toBe(403);
    expect((await connect(port, "/missing")).status).toBe(404);
    const ended = await spans.endOf(2);
    expect(ended.map(statusOf)).toEqual([403, 404]);
    expect(spans.started).toBe(2);
  });

  it("ends the span of a client that leaves before it has its answer, and of one that is answered too late", async () => {
    const { port } = await startApp(variant, { attached: {}, route: { handshakeTimeoutMs: 200, authorize: () => new Promise<never>(() => {}) } });
    const started = once(spans, "start");
    const client = await WireClient.open({ port, path: "/ws" });
    await started;
    client.reset();
    await spans.endOf(1);
    expect((await connect(port, "/ws")).status).toBe(408);
    await spans.endOf(2);
    expect(spans.started).toBe(2);
  });
});
