import { Inbox } from "./inbox.ts";
import { dataOf, faultOf, shown, type Data } from "./message.ts";
import { Variables } from "./variables.ts";
import { chosenVectors, stepsOf, type Vector, type VectorOptions, type VectorResult, type VectorStep } from "./vector.ts";

/** What the runner needs of a WebSocket: that of a browser or of Node, or one of the package `ws`. */
export interface VectorSocket {
  binaryType: string;
  readonly protocol: string;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { readonly code: number; readonly reason: string }) => void): void;
  addEventListener(type: "open" | "error", listener: () => void): void;
  send(data: string | Uint8Array): void;
  close(): void;
  /** Ends the TCP connection, where the class can. */
  terminate?(): void;
}

/** What the application under test does at an `app` step; `vectors/README.md` of `@upwire/protocol` has the list. */
export interface VectorAction {
  readonly app: "send" | "publish" | "join" | "leave";
  readonly topic?: string;
  readonly type?: string;
  /** JSON; with `base64` in the vector, bytes. */
  readonly payload?: unknown;
}

/** A server under test, which runs the application of the vectors. */
export interface VectorServer {
  /** Opens a connection, as the user `ada`, and offers these subprotocols. */
  connect(protocols: string[]): VectorSocket;
  /** `send`, `join` and `leave` mean the connection that was opened last. What it returns is waited for. */
  act(action: VectorAction): unknown;
}

interface Closed {
  readonly code: number;
  readonly reason: string;
}

const helloStep: VectorStep = {
  server: {
    type: "upwire.hello",
    payload: { connectionId: "$text", pingIntervalMs: "$id", spreadMs: "$int", limits: "$any", "expiresInMs?": "$int" },
  },
};

/** One connection of the runner. */
class Line {
  readonly inbox: Inbox<Data | Closed> = new Inbox();
  /** Whether it speaks no protocol of ours. */
  readonly isPlain: boolean;
  readonly #socket: VectorSocket;
  #barriers = 0;

  constructor(socket: VectorSocket, { isPlain }: { readonly isPlain: boolean }) {
    this.#socket = socket;
    this.isPlain = isPlain;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => this.inbox.put(typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer)));
    socket.addEventListener("close", ({ code, reason }) => this.inbox.put({ code, reason }));
    socket.addEventListener("error", () => {});
  }

  async opened(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#socket.addEventListener("open", resolve);
      this.#socket.addEventListener("error", () => reject(new Error("the connection did not open")));
    });
    const wanted = this.isPlain ? "" : "upwire.v1";
    if (this.#socket.protocol !== wanted) throw new Error(`the subprotocol is "${this.#socket.protocol}", and should be "${wanted}"`);
  }

  send(data: Data): void {
    this.#socket.send(data);
  }

  cut(): void {
    if (this.#socket.terminate === undefined) this.#socket.close();
    else this.#socket.terminate();
  }

  /** A message with one known answer: what comes before that answer was not asked for. */
  barrier(): { readonly data: string; readonly answer: VectorStep } {
    this.#barriers++;
    const id = Number.MAX_SAFE_INTEGER - 1000 - this.#barriers;
    if (!this.isPlain) return { data: JSON.stringify({ type: "upwire.ping", id }), answer: { server: { re: id } } };
    const echo = { type: "echo", payload: { barrier: this.#barriers } };
    return { data: JSON.stringify(echo), answer: { server: echo } };
  }
}

/** One run of one vector against a server. */
class ServerRun {
  readonly #server: VectorServer;
  readonly #timeoutMs: number;
  readonly #variables: Variables = new Variables();
  #line: Line | undefined;
  #isOver = false;

  constructor(server: VectorServer, timeoutMs: number) {
    this.#server = server;
    this.#timeoutMs = timeoutMs;
  }

  async run(vector: Vector): Promise<string | undefined> {
    try {
      for (const [index, step] of stepsOf(vector).entries()) {
        const fault = await this.#play(step);
        if (fault !== undefined) return `step ${index + 1}, ${JSON.stringify(step).slice(0, 200)}: ${fault}`;
      }
      const fault = this.#isOver ? undefined : await this.#quiet();
      return fault === undefined ? undefined : `at the end: ${fault}`;
    } catch (error) {
      return String(error);
    } finally {
      this.#line?.cut();
    }
  }

  async #play(step: VectorStep): Promise<string | undefined> {
    if ("do" in step || "event" in step) return undefined;
    if ("open" in step) return this.#open(step);
    if ("app" in step) return this.#act(step);
    if ("quiet" in step) return this.#quiet();
    if ("closed" in step) return this.#closed(step);
    const data = dataOf("client", step, this.#variables);
    if (data === undefined && !("cut" in step)) return this.#expect(step);
    if (data === undefined) this.#line?.cut();
    else this.#line?.send(data);
    return undefined;
  }

  async #open({ open, token }: VectorStep): Promise<string | undefined> {
    const isPlain = open === "plain";
    const offered = token === undefined ? ["upwire.v1"] : ["upwire.v1", `upwire.auth.${token as string}`];
    this.#line = new Line(this.#server.connect(isPlain ? [] : offered), { isPlain });
    await this.#line.opened();
    return isPlain ? undefined : this.#expect(helloStep);
  }

  async #act(step: VectorStep): Promise<undefined> {
    const { base64, ...action } = step;
    const bytes = base64 === undefined ? {} : { payload: new Uint8Array(Buffer.from(base64 as string, "base64")) };
    await this.#server.act({ ...action, ...bytes } as unknown as VectorAction);
  }

  async #expect(step: VectorStep): Promise<string | undefined> {
    const came = await this.#line?.inbox.take(this.#timeoutMs);
    if (typeof came === "object" && "code" in came) return `the server closed with ${came.code} ${came.reason}`;
    return faultOf("server", step, came, this.#variables);
  }

  async #quiet(): Promise<string | undefined> {
    const { data, answer } = (this.#line as Line).barrier();
    this.#line?.send(data);
    const fault = await this.#expect(answer);
    return fault === undefined ? undefined : `nothing more should have come, and the connection should live on: ${fault}`;
  }

  async #closed({ closed, reason }: VectorStep): Promise<string | undefined> {
    this.#isOver = true;
    const came = (await this.#line?.inbox.take(this.#timeoutMs, (item) => typeof item === "object" && "code" in item)) as Closed | undefined;
    const rest = (this.#line?.inbox.rest ?? []) as readonly Data[];
    if (came === undefined) return `the server did not close; it sent ${rest.map(shown).join(", ") || "nothing"}`;
    return this.#variables.differs(reason === undefined ? { code: closed, reason: "$text" } : { code: closed, reason }, came, "the close");
  }
}

/**
 * Holds a server to the vectors of `upwire.v1`: the runner plays the client, one connection at a time.
 * @returns a result for each vector that was run.
 */
export async function runServerVectors(server: VectorServer, options: VectorOptions = {}): Promise<VectorResult[]> {
  const results: VectorResult[] = [];
  for (const vector of chosenVectors("server", options)) {
    const fault = await new ServerRun(server, options.stepTimeoutMs ?? 5000).run(vector);
    results.push(fault === undefined ? { name: vector.name } : { name: vector.name, fault });
  }
  return results;
}
