import {
  fillPattern,
  MIN_LATER_MS,
  SUBPROTOCOL,
  TOKEN_PREFIX,
  type Gap,
  type Hello,
  type Reconnect,
  type SubscribedPayload,
  type WireError,
} from "@upwire/protocol";
import { valueOf, webSocketAddress } from "../link/address.ts";
import { systemClock, type Clock } from "../link/clock.ts";
import { createLink, type Link, type LinkOwner, type Target } from "../link/link.ts";
import { readError, readFrame, type Frame } from "./frame.ts";
import { askWhy, type HandshakeVerdict } from "./handshake-check.ts";
import { createHeartbeat, type Heartbeat } from "./heartbeat.ts";
import { Listeners, type Listener } from "./listeners.ts";
import { reporter, type ClientOptions } from "./options.ts";
import { createOutbox, type AskOptions, type Outbox, type QueuePolicy } from "./outbox.ts";
import type { Address, ClientStatus } from "./status.ts";
import { TopicSubscription, type TopicOptions } from "./topic.ts";

/** Names that no event can have, for listeners to the client itself. */
const STATUS = "upwire.status";
const FRAME = "upwire.frame";
/** How long a server may take to say hello, before it is asked whether it lives. Milliseconds. */
const HELLO_MS = 10_000;

/** The client at run time, where names and payloads are any. What a contract says about it is in `Client`. */
export class RealtimeClient {
  status: ClientStatus = { state: "connecting" };
  /** What the server calls this connection; `undefined` while there is none. */
  connectionId: string | undefined;
  readonly #clock: Clock;
  readonly #report: (error: unknown) => void;
  readonly #listeners: Listeners;
  readonly #topics = new Map<string, TopicSubscription>();
  readonly #outbox: Outbox;
  readonly #heartbeat: Heartbeat;
  readonly #owner: LinkOwner;
  readonly #link: Link;
  /** Set while open. */
  #send: ((frame: Frame) => void) | undefined;
  readonly #fetch: ClientOptions["fetch"];
  /** Of the last try, to ask about it. */
  #address = "";
  #token: string | undefined;

  constructor(url: Address, options: ClientOptions) {
    if (typeof url !== "function") webSocketAddress(url);
    this.#clock = options.clock ?? systemClock;
    this.#fetch = options.fetch;
    this.#report = reporter(options.onError);
    this.#listeners = new Listeners(this.#report);
    this.#outbox = createOutbox(this.#clock, this.#report, options);
    this.#heartbeat = createHeartbeat(
      this.#clock,
      () => this.#outbox.control({ type: "upwire.ping" }, () => {}),
      () => this.#link.drop(),
    );
    this.#owner = {
      target: () => this.#target(url, options),
      opened: (socket) => {
        socket.binaryType = "arraybuffer";
        this.#send = (data) => {
          this.#listeners.emit(FRAME, { direction: "out", data });
          socket.send(data);
        };
        this.#heartbeat.start(HELLO_MS);
      },
      message: ({ data }) => {
        try {
          this.#received(data);
        } catch (error) {
          // A server that breaks the protocol: the next message may be a good one.
          this.#report(error);
        }
      },
      // The event of a socket says nothing: its close event and the check do.
      failed: (error) => error instanceof Error && this.#report(error),
      down: ({ code, reason }, retryAt) => {
        if (retryAt) this.#waits(retryAt);
        else this.#closed(code, reason);
      },
      woken: () => this.#heartbeat.probe(),
      spreadMs: options.spreadMs ?? 1000,
      notBefore: 0,
    };
    this.#link = createLink(this.#owner, options);
  }

  on(event: string, listener: Listener): () => void {
    return this.#listeners.add(event, listener);
  }

  onStatus(listener: Listener): () => void {
    return this.on(STATUS, listener);
  }

  onFrame(listener: Listener): () => void {
    return this.on(FRAME, listener);
  }

  send(event: string, payload?: unknown, options?: { readonly queue?: QueuePolicy }): boolean {
    return this.#outbox.post({ type: event }, payload, options?.queue);
  }

  request(name: string, payload?: unknown, options?: AskOptions): Promise<unknown> {
    return this.#outbox.ask({ type: name }, payload, options);
  }

  topic(pattern: string, parameters?: Readonly<Record<string, string | number>>, options?: TopicOptions): TopicSubscription {
    return this.#topicNamed(fillPattern(pattern, parameters), options);
  }

  close(code = 1000, reason = ""): void {
    this.#link.close(code, reason);
    this.#closed(code, reason);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #topicNamed(name: string, options?: TopicOptions): TopicSubscription {
    let topic = this.#topics.get(name);
    if (!topic) {
      const forget = (): void => void this.#topics.delete(name);
      topic = new TopicSubscription(name, { ...options, outbox: this.#outbox, clock: this.#clock, report: this.#report, forget });
      this.#topics.set(name, topic);
    }
    return topic;
  }

  async #target(url: Address, { token }: ClientOptions): Promise<Target> {
    this.#tell({ state: "connecting" });
    this.#address = webSocketAddress(await valueOf(url));
    this.#token = await valueOf(token);
    return { url: this.#address, protocols: this.#token ? [SUBPROTOCOL, TOKEN_PREFIX + base64url(this.#token)] : [SUBPROTOCOL] };
  }

  #received(data: unknown): void {
    this.#heartbeat.heard();
    this.#listeners.emit(FRAME, { direction: "in", data });
    const { type, topic, offset, re, payload, error } = readFrame(data);
    if (re !== undefined) this.#outbox.answered(re, error, payload);
    if (typeof type !== "string") return;
    if (topic !== undefined) {
      const known = this.#topics.get(topic);
      if (type === "upwire.subscribed") (known ?? this.#topicNamed(topic, { byServer: true })).subscribed(payload as SubscribedPayload);
      else if (type === "upwire.gap") known?.gap(payload as Gap["payload"]);
      else if (type === "upwire.unsubscribed") known?.unsubscribed(error);
      else known?.deliver(type, payload, offset);
    } else if (type === "upwire.hello") this.#hello(payload as Hello["payload"]);
    else if (type === "upwire.reconnect") this.#owner.notBefore = this.#clock.now() + (payload as Reconnect["payload"]).afterMs;
    else if (type === "upwire.error") this.#report(readError(payload as WireError));
    else if (!type.startsWith("upwire.")) this.#listeners.emit(type, payload);
  }

  #hello({ connectionId, pingIntervalMs, spreadMs }: Hello["payload"]): void {
    if (!this.#send || this.connectionId) return;
    this.connectionId = connectionId;
    this.#owner.spreadMs = spreadMs;
    this.#heartbeat.start(pingIntervalMs);
    this.#outbox.open(this.#send, () => {
      for (const topic of this.#topics.values()) topic.subscribe();
    });
    this.#tell({ state: "open" });
  }

  #waits(retryAt: number): void {
    const neverOpened = !this.#send;
    this.#cut();
    this.#tell({ state: "waiting", retryAt });
    if (neverOpened) void this.#askWhy();
  }

  async #askWhy(): Promise<void> {
    const { status } = this;
    const verdict = await askWhy(this.#address, this.#token, this.#fetch);
    // The next try is under way: it will know better.
    if (!verdict || this.status !== status) return;
    const { code, retry } = verdict;
    if (retry === "later") {
      this.#owner.notBefore = this.#clock.now() + MIN_LATER_MS;
      this.#link.wait(MIN_LATER_MS);
    } else if (retry === "no") {
      this.#link.close();
      this.#closed(1006, code, verdict);
    }
  }

  #cut(): void {
    this.#heartbeat.stop();
    this.#send = this.connectionId = undefined;
    for (const topic of this.#topics.values()) topic.cut();
    this.#outbox.cut();
  }

  #closed(code: number, reason: string, error?: HandshakeVerdict): void {
    if (this.status.state === "closed") return;
    this.#cut();
    this.#outbox.close();
    this.#tell({ state: "closed", code, reason, error });
  }

  #tell(status: ClientStatus): void {
    if (this.status.state === "closed" || this.status.state === status.state) return;
    this.status = status;
    this.#listeners.emit(STATUS, status);
  }
}

function base64url(text: string): string {
  const bytes = String.fromCharCode(...new TextEncoder().encode(text));
  return btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
