import {
  fillPattern,
  fromWireError,
  SUBPROTOCOL,
  TOKEN_PREFIX,
  type Gap,
  type HandshakeCheckRefusal,
  type Hello,
  type Reconnect,
  type SubscribedPayload,
} from "@upwire/protocol";
import { valueOf, webSocketAddress } from "../link/address.ts";
import { systemClock } from "../link/clock.ts";
import { createLink, type LinkOwner } from "../link/link.ts";
import { readFrame } from "./frame.ts";
import { askWhy } from "./handshake-check.ts";
import { createHeartbeat } from "./heartbeat.ts";
import { Listeners, type Listener } from "./listeners.ts";
import { reporter, type ClientOptions } from "./options.ts";
import { createOutbox, type AskOptions, type QueuePolicy, type Transmit } from "./outbox.ts";
import type { Address, ClientStatus } from "./status.ts";
import { TopicSubscription, type TopicOptions } from "./topic.ts";

/** Names that no event can have, for listeners to the client itself. */
const STATUS: unique symbol = Symbol();
const FRAME: unique symbol = Symbol();
/** How long a server may take to say hello, before it is asked whether it lives. Milliseconds. */
const HELLO_MS = 10_000;

/** The client at run time, where names and payloads are any. What a contract says about it is in `Client`. */
export interface UntypedClient {
  readonly status: ClientStatus;
  readonly connectionId: string | undefined;
  on(event: string, listener: Listener): () => void;
  onStatus(listener: Listener): () => void;
  onFrame(listener: Listener): () => void;
  send(event: string, payload?: unknown, options?: { readonly queue?: QueuePolicy }): boolean;
  request(name: string, payload?: unknown, options?: AskOptions): Promise<unknown>;
  topic(pattern: string, parameters?: Readonly<Record<string, string | number>>, options?: TopicOptions): TopicSubscription;
  close(code?: number, reason?: string): void;
  [Symbol.dispose](): void;
}

/** What connects link, heartbeat, outbox and topics: it reads what comes in, and knows when what is open. */
export function connect(url: Address, options: ClientOptions): UntypedClient {
  if (typeof url !== "function") webSocketAddress(url);
  const { clock = systemClock() } = options;
  const report = reporter(options.onError);
  const listeners = new Listeners(report);
  const topics = new Map<string, TopicSubscription>();
  const outbox = createOutbox(clock, report, options);
  let status: ClientStatus = { state: "connecting" };
  let connectionId: string | undefined;
  /** Set from the opening of the socket to its end. */
  let transmit: Transmit | undefined;
  /** Of the last try, to ask about it. */
  let address: string;
  let token: string | undefined;

  const heartbeat = createHeartbeat(
    clock,
    () => outbox.control({ type: "upwire.ping" }),
    () => link.drop(),
  );
  const owner: LinkOwner = {
    async target() {
      tell({ state: "connecting" });
      address = webSocketAddress(await valueOf(url));
      token = await valueOf(options.token);
      return { url: address, protocols: token ? [SUBPROTOCOL, TOKEN_PREFIX + base64url(token)] : [SUBPROTOCOL] };
    },
    opened(socket) {
      socket.binaryType = "arraybuffer";
      transmit = (data) => {
        socket.send(data as string);
        listeners.emit(FRAME, { direction: "out", data });
      };
      heartbeat.start(HELLO_MS);
      // It speaks something else.
      if (socket.protocol !== SUBPROTOCOL) link.drop();
    },
    message({ data }) {
      // After `close` the server may still say something.
      if (!transmit) return;
      heartbeat.heard();
      listeners.emit(FRAME, { direction: "in", data });
      try {
        receive(data);
      } catch (error) {
        // A server that breaks the protocol: the next message may be a good one.
        report(error);
      }
    },
    // The event of a socket says nothing: its close event and the check do.
    failed: (error) => error instanceof Error && report(error),
    down({ code, reason }, retryAt) {
      const neverOpened = !transmit;
      if (!retryAt) return end(code, reason);
      cut();
      tell({ state: "waiting", retryAt });
      // A listener may have closed it.
      if (neverOpened && status.state === "waiting") void check(status);
    },
    woken: heartbeat.probe,
  };
  const link = createLink(owner, options);

  function receive(data: unknown): void {
    const { type, topic, offset, re, payload, error } = readFrame(data);
    outbox.answered(re, error, payload);
    if (typeof type !== "string") return;
    if (topic) {
      const known = topics.get(topic);
      if (type === "upwire.subscribed") topicNamed(topic, { byServer: true }).subscribed(payload as SubscribedPayload);
      else if (type === "upwire.gap") known?.gap(payload as Gap["payload"]);
      else if (type === "upwire.unsubscribed") known?.ended(error && fromWireError(error));
      else known?.deliver(type, payload, offset);
    } else if (type === "upwire.hello") greeted(payload as Partial<Hello["payload"]>);
    else if (type === "upwire.reconnect") owner.toldMs = (payload as Reconnect["payload"]).afterMs;
    else if (type === "upwire.error") report(fromWireError(payload));
    else if (!type.startsWith("upwire.")) listeners.emit(type, payload);
  }

  function greeted(hello: Partial<Hello["payload"]>): void {
    if (status.state !== "connecting") return;
    ({ connectionId } = hello);
    owner.spreadMs = hello.spreadMs;
    heartbeat.start(hello.pingIntervalMs as number);
    outbox.open(transmit as Transmit, hello.limits?.retryWindowMs ?? 120_000, () => {
      for (const topic of topics.values()) topic.subscribe();
    });
    tell({ state: "open" });
  }

  function topicNamed(name: string, how?: TopicOptions): TopicSubscription {
    return topics.get(name) ?? new TopicSubscription(name, { ...how, outbox, clock, report, topics });
  }

  async function check(waiting: ClientStatus): Promise<void> {
    const verdict = await askWhy(address, token, options.fetch);
    // After the wait the next try is under way: it will know better.
    if (status !== waiting || verdict?.ok !== false) return;
    if (verdict.retry === "later") tell({ state: "waiting", retryAt: link.wait(verdict.retryAfterMs) });
    else if (verdict.retry === "no") {
      link.close();
      end(1006, verdict.code, verdict);
    }
  }

  function cut(): void {
    heartbeat.stop();
    transmit = connectionId = undefined;
    for (const topic of topics.values()) topic.cut();
    outbox.cut();
  }

  function end(code: number, reason: string, error?: HandshakeCheckRefusal): void {
    if (status.state === "closed") return;
    cut();
    outbox.close();
    tell({ state: "closed", code, reason, error });
  }

  function tell(next: ClientStatus): void {
    listeners.emit(STATUS, (status = next));
  }

  function close(code = 1000, reason = ""): void {
    link.close(code, reason);
    end(code, reason);
  }

  return {
    get status() {
      return status;
    },
    get connectionId() {
      return connectionId;
    },
    on: (event, listener) => listeners.on(event, listener),
    onStatus: (listener) => listeners.on(STATUS, listener),
    onFrame: (listener) => listeners.on(FRAME, listener),
    send: (event, payload, how) => outbox.post({ type: event }, payload, how?.queue),
    request: (name, payload, how) => outbox.ask({ type: name }, payload, how),
    topic: (pattern, parameters, how) => Object.assign(topicNamed(fillPattern(pattern, parameters), how), { isKept: true as const }),
    close,
    [Symbol.dispose]: close,
  };
}

function base64url(text: string): string {
  const bytes = String.fromCharCode(...new TextEncoder().encode(text));
  return btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
