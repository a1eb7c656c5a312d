import {
  decodeBinaryFrame,
  fromWireError,
  RealtimeError,
  SUBPROTOCOL,
  TOKEN_PREFIX,
  topicName,
  type Gap,
  type Hello,
  type Since,
  type SubscribedPayload,
  type WireError,
} from "@upwire/protocol";
import { webSocketAddress } from "../link/address.ts";
import { systemClock } from "../link/clock.ts";
import { createLink, type Link, type LinkOwner, type Target } from "../link/link.ts";
import type { Closing, SocketLike } from "../link/socket-like.ts";
import { askWhy } from "./handshake-check.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Listeners, type Listener } from "./listeners.ts";
import type { ClientOptions } from "./options.ts";
import { reporter } from "./options.ts";
import { Outbox, type AskOptions, type Frame, type QueuePolicy } from "./outbox.ts";
import type { Address, ClientStatus } from "./status.ts";
import { TopicSubscription } from "./topic.ts";

/** Names that no event can have, for listeners to the client itself. */
const STATUS = "upwire.status";
const FRAME = "upwire.frame";
/** How long a server may take to say hello, before it is asked whether it lives. Milliseconds. */
const HELLO_MS = 10_000;

/** What any message of a server may have. */
interface ServerMessage {
  readonly type?: unknown;
  readonly topic?: string;
  readonly offset?: number;
  readonly re?: number;
  readonly payload?: unknown;
  readonly error?: WireError;
}

/** The client at run time, where names and payloads are any. What a contract says about it is in `Client`. */
export class RealtimeClient {
  status: ClientStatus = { state: "connecting" };
  /** What the server calls this connection; `undefined` while there is none. */
  connectionId: string | undefined;
  readonly #url: Address;
  readonly #options: ClientOptions;
  readonly #report: (error: unknown) => void;
  readonly #listeners: Listeners;
  readonly #topics = new Map<string, TopicSubscription>();
  readonly #outbox: Outbox;
  readonly #heartbeat: Heartbeat;
  readonly #link: Link;
  /** Of the last try, to ask about it. */
  #address = "";
  #token: string | undefined;

  constructor(url: Address, options: ClientOptions) {
    if (typeof url !== "function") webSocketAddress(url);
    const clock = options.clock ?? systemClock;
    this.#url = url;
    this.#options = options;
    this.#report = reporter(options.onError);
    this.#listeners = new Listeners(this.#report);
    this.#outbox = new Outbox({ clock, report: this.#report, maxQueue: options.maxQueue ?? 100, timeoutMs: options.requestTimeoutMs ?? 30_000 });
    this.#heartbeat = new Heartbeat(
      clock,
      () => this.#outbox.control({ type: "upwire.ping" }, () => {}),
      () => this.#link.drop(),
    );
    this.#link = createLink(
      {
        target: () => this.#target(),
        trying: () => this.#tell({ state: "connecting" }),
        opened: (socket) => this.#opened(socket),
        message: ({ data }) => this.#received(data),
        // The event of a socket says nothing: its close event and the check do.
        failed: (error) => error instanceof Error && this.#report(error),
        down: (closing, how) => this.#down(closing, how),
        woken: () => this.#heartbeat.probe(),
      },
      options,
    );
  }

  on(event: string, listener: Listener): () => void {
    return this.#listeners.add(event, listener);
  }

  onStatus(listener: Listener): () => void {
    return this.#listeners.add(STATUS, listener);
  }

  onFrame(listener: Listener): () => void {
    return this.#listeners.add(FRAME, listener);
  }

  send(event: string, payload?: unknown, options: { readonly queue?: QueuePolicy } = {}): boolean {
    return this.#outbox.post({ type: event }, payload, options.queue);
  }

  request(name: string, payload?: unknown, options?: AskOptions): Promise<unknown> {
    return this.#outbox.ask({ type: name }, payload, options);
  }

  topic(
    pattern: string,
    parameters?: Readonly<Record<string, string | number>>,
    options: { readonly since?: Since; readonly byServer?: boolean } = {},
  ): TopicSubscription {
    return this.#topicNamed(topicName(pattern, parameters), options);
  }

  close(code = 1000, reason = ""): void {
    if (this.status.state === "closed") return;
    this.#link.close(code, reason);
    this.#closed({ code, reason, wasClean: true });
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #topicNamed(name: string, options: { readonly since?: Since; readonly byServer?: boolean }): TopicSubscription {
    const known = this.#topics.get(name);
    if (known) return known;
    const topic = new TopicSubscription(name, {
      outbox: this.#outbox,
      clock: this.#options.clock ?? systemClock,
      random: this.#options.random ?? Math.random,
      report: this.#report,
      forget: () => void (this.#topics.get(name) === topic && this.#topics.delete(name)),
      since: options.since,
      isByServer: options.byServer ?? false,
    });
    this.#topics.set(name, topic);
    return topic;
  }

  async #target(): Promise<Target> {
    const { token } = this.#options;
    this.#address = webSocketAddress(typeof this.#url === "function" ? await this.#url() : this.#url);
    this.#token = typeof token === "function" ? await token() : token;
    return { url: this.#address, protocols: this.#token === undefined ? [SUBPROTOCOL] : [SUBPROTOCOL, TOKEN_PREFIX + base64url(this.#token)] };
  }

  #opened(socket: SocketLike): void {
    if (socket.protocol !== SUBPROTOCOL) {
      this.#report(new Error(`${this.#address} does not speak ${SUBPROTOCOL}`));
      this.#link.drop();
      return;
    }
    socket.binaryType = "arraybuffer";
    this.#heartbeat.start(HELLO_MS);
  }

  #received(data: unknown): void {
    this.#heartbeat.heard();
    this.#listeners.emit(FRAME, { direction: "in", data });
    const message = readMessage(data);
    if (!message) return;
    const { type, topic, offset, re, payload, error } = message;
    if (re !== undefined) this.#outbox.answered(re, error, payload);
    if (typeof type !== "string") return;
    if (topic !== undefined) {
      const known = this.#topics.get(topic);
      if (type === "upwire.subscribed") (known ?? this.#topicNamed(topic, { byServer: true })).accept(payload as SubscribedPayload);
      else if (type === "upwire.gap") known?.gap(payload as Gap["payload"]);
      else if (type === "upwire.unsubscribed") known?.removed(error);
      else known?.deliver(type, payload, offset);
    } else if (type === "upwire.hello") this.#hello(payload as Hello["payload"]);
    else if (type === "upwire.reconnect") this.#link.told((payload as { afterMs?: unknown }).afterMs);
    else if (type === "upwire.error") this.#report(fromWireError(payload));
    else if (!type.startsWith("upwire.")) this.#listeners.emit(type, payload);
  }

  #hello({ connectionId, pingIntervalMs, spreadMs }: Hello["payload"]): void {
    if (this.status.state !== "connecting") return;
    this.connectionId = connectionId;
    this.#link.spread(spreadMs);
    this.#heartbeat.start(pingIntervalMs);
    this.#outbox.connect((data) => this.#transmit(data));
    for (const topic of this.#topics.values()) topic.subscribe();
    this.#outbox.flush();
    this.#tell({ state: "open" });
  }

  #transmit(data: Frame): void {
    this.#listeners.emit(FRAME, { direction: "out", data });
    this.#link.socket()?.send(data);
  }

  #down(closing: Closing, { opened, retryAt, error }: Parameters<LinkOwner["down"]>[1]): void {
    if (retryAt === undefined) {
      this.#closed(closing, error);
      return;
    }
    this.#cut();
    this.#tell({ state: "waiting", retryAt });
    if (!opened) void this.#askWhy();
  }

  async #askWhy(): Promise<void> {
    const { status } = this;
    const fetch = this.#options.fetch ?? (globalThis.fetch as ClientOptions["fetch"]);
    if (!fetch || !this.#address) return;
    const verdict = await askWhy(fetch, this.#address, this.#token);
    // The next try is under way: it will know better.
    if (!verdict || this.status !== status) return;
    const { status: http, code, retry } = verdict;
    if (retry === "later") this.#link.later();
    if (retry !== "no") return;
    const refusal = new RealtimeError("forbidden", `the server refused the handshake: ${http} ${code}`, { details: { status: http, code } });
    this.#link.end({ code: 1006, reason: code, wasClean: false }, refusal);
  }

  #cut(): void {
    this.#heartbeat.stop();
    this.connectionId = undefined;
    for (const topic of this.#topics.values()) topic.cut();
    this.#outbox.cut();
  }

  #closed({ code, reason }: Closing, error?: unknown): void {
    if (this.status.state === "closed") return;
    this.#cut();
    this.#outbox.close();
    this.#tell({ state: "closed", code, reason, ...(error !== undefined && { error }) });
  }

  #tell(status: ClientStatus): void {
    const { state } = this.status;
    if (state === "closed" || (state === "connecting" && status.state === state)) return;
    this.status = status;
    this.#listeners.emit(STATUS, status);
  }
}

/** @returns `undefined` for what is no message of a server */
function readMessage(data: unknown): ServerMessage | undefined {
  try {
    if (typeof data === "string") return (JSON.parse(data) ?? undefined) as ServerMessage | undefined;
    const binary = decodeBinaryFrame(new Uint8Array(data as ArrayBuffer));
    return binary && { ...(binary.header as ServerMessage), payload: binary.payload };
  } catch {
    return undefined;
  }
}

function base64url(text: string): string {
  const bytes = String.fromCharCode(...new TextEncoder().encode(text));
  return btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
