import type { AddressInfo } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";
import { Inbox } from "./inbox.ts";
import { dataOf, faultOf, shown, type Data } from "./message.ts";
import { Variables } from "./variables.ts";
import { chosenVectors, stepsOf, type Vector, type VectorOptions, type VectorResult, type VectorStep } from "./vector.ts";

/** What a client under test is told at a `do` step; `vectors/README.md` of `@upwire/protocol` has the list. */
export interface VectorOrder {
  readonly do: "send" | "request" | "cancel" | "subscribe" | "unsubscribe" | "listen" | "publish";
  /** By which `cancel`, and the report of the answer, name a request or a publish. */
  readonly name?: string;
  readonly topic?: string;
  readonly type?: string;
  /** JSON; with `base64` in the vector, bytes. */
  readonly payload?: unknown;
  readonly key?: string;
}

/** What a client under test reports: an `event` of a vector, with bytes as `payload` where that has `base64`. */
export type VectorReport = Readonly<Record<string, unknown>>;

/** A client under test. */
export interface VectorClient {
  do(order: VectorOrder): unknown;
  /** Ends it for good. */
  close(): unknown;
}

/** Makes a client that connects to `url`, and calls `report` with what happens. */
export type MakeVectorClient = (url: string, report: (what: VectorReport) => void) => VectorClient;

/** How many clients are tested at the same time. */
const AT_ONCE = 16;

/** What brings order into reports: those of one topic, and those of one kind, have an order; others none. */
function streamOf(report: VectorReport): string {
  const kinds = ["reply", "failed", "subscribed", "refused", "unsubscribed", "closed"];
  const kind = kinds.find((name) => name in report);
  if (kind !== undefined) return `${kind} ${String(report[kind])}`;
  const topic = (report["publication"] ?? report["state"] ?? report["gap"]) as string | undefined;
  return topic === undefined ? "event" : `topic ${topic}`;
}

const plain = (report: VectorReport): VectorReport => {
  const { payload, ...rest } = report;
  if (payload instanceof Uint8Array) return { ...rest, base64: Buffer.from(payload).toString("base64") };
  return payload === undefined ? rest : { ...rest, payload };
};

/** One run of one vector against a client. */
class ClientRun {
  readonly #timeoutMs: number;
  readonly #variables: Variables = new Variables();
  readonly #messages: Inbox<Data> = new Inbox();
  readonly #reports: Inbox<VectorReport> = new Inbox();
  readonly #connections: Inbox<WebSocket> = new Inbox();
  readonly #server: WebSocketServer;
  #connection: WebSocket | undefined;
  #client: VectorClient | undefined;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
    this.#server = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: (offered) => offered.has("upwire.v1") && "upwire.v1" });
    this.#server.on("connection", (socket) => {
      socket.on("error", () => {});
      socket.on("message", (data, isBinary) => this.#messages.put(isBinary ? new Uint8Array(data as Buffer) : (data as Buffer).toString()));
      this.#connections.put(socket);
    });
  }

  async run(vector: Vector, make: MakeVectorClient): Promise<string | undefined> {
    try {
      if (this.#server.address() === null) await new Promise((resolve) => this.#server.once("listening", resolve));
      const { port } = this.#server.address() as AddressInfo;
      this.#client = make(`ws://127.0.0.1:${port}/`, (report) => this.#reports.put(plain(report)));
      for (const [index, step] of stepsOf(vector).entries()) {
        const fault = await this.#play(step);
        if (fault !== undefined) return `step ${index + 1}, ${JSON.stringify(step).slice(0, 200)}: ${fault}`;
      }
      const fault = await this.#settled();
      return fault === undefined ? undefined : `at the end: ${fault}`;
    } catch (error) {
      return String(error);
    } finally {
      await this.#client?.close();
      for (const socket of this.#server.clients) socket.terminate();
      this.#server.close();
    }
  }

  async #play(step: VectorStep): Promise<string | undefined> {
    if ("app" in step || "quiet" in step) return undefined;
    if ("open" in step) return this.#open(step["hello"]);
    if ("do" in step) return this.#order(step);
    if ("event" in step) return this.#expectReport(step["event"] as VectorReport);
    const data = dataOf("server", step, this.#variables);
    if ("cut" in step) this.#connection?.terminate();
    else if ("closed" in step) this.#connection?.close(step["closed"] as number, step["reason"] as string | undefined);
    else if (data !== undefined) this.#connection?.send(data);
    else return faultOf("client", step, await this.#messages.take(this.#timeoutMs), this.#variables);
    return undefined;
  }

  async #open(hello: unknown): Promise<string | undefined> {
    this.#connection = await this.#connections.take(this.#timeoutMs);
    if (this.#connection === undefined) return "the client did not connect";
    if (this.#connection.protocol !== "upwire.v1") return "the client did not offer upwire.v1";
    const usual = { type: "upwire.hello", payload: { connectionId: "c-1", pingIntervalMs: 60_000, spreadMs: 0, limits: {} } };
    this.#connection.send(JSON.stringify(hello ?? usual));
    return undefined;
  }

  async #order(step: VectorStep): Promise<undefined> {
    const { base64, ...order } = step;
    const bytes = base64 === undefined ? {} : { payload: new Uint8Array(Buffer.from(base64 as string, "base64")) };
    await this.#client?.do({ ...order, ...bytes } as unknown as VectorOrder);
  }

  async #expectReport(expected: VectorReport): Promise<string | undefined> {
    const stream = streamOf(expected);
    const came = await this.#reports.take(this.#timeoutMs, (report) => streamOf(report) === stream);
    if (came !== undefined) return this.#variables.differs(expected, came, "the report");
    return `the client reported nothing of the kind; it reported ${this.#reports.rest.map((report) => JSON.stringify(report)).join(", ") || "nothing"}`;
  }

  /** Lets the client take everything that was sent: an event comes last. Then nothing may be left over. */
  async #settled(): Promise<string | undefined> {
    if (this.#connection?.readyState === 1) {
      const event = { type: "echo", payload: { barrier: "end" } };
      this.#connection.send(JSON.stringify(event));
      const fault = await this.#expectReport(event);
      if (fault !== undefined) return fault;
    }
    const reports = this.#reports.rest.map((report) => JSON.stringify(report));
    const messages = this.#messages.rest.map(shown);
    if (reports.length > 0) return `the client also reported ${reports.join(", ")}`;
    return messages.length > 0 ? `the client also sent ${messages.join(", ")}` : undefined;
  }
}

async function resultOf(vector: Vector, make: MakeVectorClient, timeoutMs: number): Promise<VectorResult> {
  const fault = await new ClientRun(timeoutMs).run(vector, make);
  return fault === undefined ? { name: vector.name } : { name: vector.name, fault };
}

/**
 * Holds a client to the vectors of `upwire.v1`: the runner plays the server, on a port of loopback.
 * @returns a result for each vector that was run.
 */
export async function runClientVectors(make: MakeVectorClient, options: VectorOptions = {}): Promise<VectorResult[]> {
  const vectors = chosenVectors("client", options);
  const results: VectorResult[] = [];
  while (results.length < vectors.length) {
    // Most of the time of a vector is the client's waiting before it comes back.
    const some = vectors.slice(results.length, results.length + AT_ONCE);
    results.push(...(await Promise.all(some.map((vector) => resultOf(vector, make, options.stepTimeoutMs ?? 5000)))));
  }
  return results;
}
