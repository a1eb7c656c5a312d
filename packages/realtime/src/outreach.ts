import type { Broker, BrokerData } from "@upwire/cluster/broker";
import { Casts, type Asked, type Reach } from "@upwire/cluster/casts";
import { PreparedMessage, type Clock, type Connection, type Hub } from "@upwire/core";
import { checkClose } from "@upwire/core/adapter";
import { SUBPROTOCOL } from "@upwire/protocol";
import { addressOf, EVERYONE, userIdIn } from "./addresses.ts";
import { checkKeepMs, type CloseOptions } from "./close-options.ts";
import { countOf, frameOf, readNodeCall, sendCall, type Closing, type ConnectionCall } from "./node-calls.ts";
import { RepliesElsewhere, type KnownReply } from "./replies-elsewhere.ts";
import { plainFrame } from "./topics/frames.ts";
import type { Users } from "./users.ts";

/** What clients without `upwire.v1` are in, in the hub of all. */
export const PLAIN = "plain";

/** Behind the name of its node, the id of a connection is a UUID. */
const UUID_LENGTH = 36;
const nodePattern = /^[\w-]{8,32}$/;

interface Setup<User> {
  readonly hub: Hub<User>;
  readonly users: Users<User>;
  readonly clock: Clock;
  /** How long a request may run. */
  readonly requestTimeoutMs: number;
  /** A part of its own, not started; `undefined` where there are no other nodes. */
  readonly broker: Broker | undefined;
  readonly report: (error: unknown) => void;
}

/** Where this node knows requests with a key. */
interface ReplySource {
  known(name: string, from: string): KnownReply;
  ended(name: string): Promise<KnownReply>;
}

/**
 * Reaches connections wherever they are: those of this node at once, those of the others by the broker. No promise here rejects:
 * what could not be reached is told in the result.
 */
export class Outreach<User> {
  readonly #setup: Setup<User>;
  readonly #casts: Casts | undefined;
  /** Users whose ids do not stand in their addresses. */
  readonly #hashed = new Map<string, string>();
  #connections = 0;
  /** Where there are other nodes. */
  readonly repliesElsewhere: RepliesElsewhere | undefined;
  /** Set right after its making. */
  replies: ReplySource | undefined;

  /** Starts the broker. */
  constructor(setup: Setup<User>) {
    const { broker, clock, report, requestTimeoutMs } = setup;
    this.#setup = setup;
    if (broker === undefined) return;
    this.#casts = new Casts({
      broker,
      clock,
      deliver: (address, frame) => this.#delivered(address, frame),
      answer: (question, from) => this.#answer(question, from),
      report,
    });
    this.repliesElsewhere = new RepliesElsewhere(this.#casts, requestTimeoutMs);
    // The topics, which have the same broker, report that.
    this.#casts.start().catch(() => {});
  }

  opened(): void {
    if (this.#connections++ === 0) this.#casts?.join(EVERYONE);
  }

  closed(): void {
    if (--this.#connections === 0) this.#casts?.leave(EVERYONE);
  }

  /** A user has its first connection here. */
  came(userId: string): void {
    if (this.#casts === undefined) return;
    const address = addressOf(userId);
    if (userIdIn(address) === undefined) this.#hashed.set(address, userId);
    this.#casts.join(address);
  }

  /** A user has lost its last connection here. */
  left(userId: string): void {
    if (this.#casts === undefined) return;
    const address = addressOf(userId);
    this.#hashed.delete(address);
    this.#casts.leave(address);
  }

  /** @param frame For `upwire.v1`; others get the same text, or the bytes that it carries. */
  sendToAll(frame: BrokerData): Promise<Reach> {
    return this.#withOthers(this.#toAll(frame), this.#casts?.cast(EVERYONE, frame));
  }

  sendToUser(userId: string, frame: BrokerData): Promise<Reach> {
    return this.#withOthers(this.#to(this.#setup.users.of(userId), frame), this.#casts?.cast(addressOf(userId), frame));
  }

  sendToOne(id: string, frame: BrokerData): Promise<Reach> {
    const connection = this.#setup.hub.get(id);
    if (connection === undefined) return this.#askFor(id, sendCall(id, frame), 0);
    return this.#withOthers(this.#to([connection], frame), undefined);
  }

  /** @throws RangeError or TypeError, at once, for what may not stand in a close frame. */
  closeUser(userId: string, closing: Closing, options: CloseOptions | undefined): Promise<Reach> {
    const keepMs = checkKeepMs(options);
    checkClose(closing.code, closing.reason);
    const closed = close(this.#setup.users.of(userId), closing);
    return this.#withOthers(closed, this.#ask(undefined, { do: "closeUser", user: userId, ...closing }, keepMs));
  }

  /** The same for one connection. */
  closeOne(id: string, closing: Closing, options: CloseOptions | undefined): Promise<Reach> {
    const keepMs = checkKeepMs(options);
    checkClose(closing.code, closing.reason);
    const connection = this.#setup.hub.get(id);
    if (connection === undefined) return this.#askFor(id, { do: "close", connection: id, ...closing }, keepMs);
    return this.#withOthers(close([connection], closing), undefined);
  }

  async stop(): Promise<void> {
    await this.#casts?.close();
  }

  async #withOthers(reached: number, others: Promise<Reach> | undefined): Promise<Reach> {
    if (others === undefined) return here(reached);
    const reach = await others;
    return { ...reach, reached: reach.reached + reached };
  }

  /** Asks the node whose name the id begins with; where that is none of the others, all of them. */
  async #askFor(id: string, call: ConnectionCall, keepMs: number): Promise<Reach> {
    const casts = this.#casts;
    const name = id.slice(0, -UUID_LENGTH);
    if (casts === undefined || name === casts.node) return here(0);
    const isKnown = casts.others.includes(name);
    const reach = await (this.#ask(isKnown ? name : undefined, call, keepMs) as Promise<Reach>);
    // A node that has ended, or is cut off: whether the connection is still there is not known.
    if (isKnown || reach.reached > 0 || !nodePattern.test(name)) return reach;
    return { ...reach, missing: [...reach.missing, name] };
  }

  #ask(node: string | undefined, call: ConnectionCall, keepMs: number): Promise<Reach> | undefined {
    const isForOne = call.do !== "closeUser";
    const asked = this.#casts?.ask(node, call, { keepMs, ...(isForOne && { until: (answer: unknown) => countOf(answer) > 0 }) });
    return asked?.then(reachOf, (error: unknown): Reach => {
      // More than one node can tell another at once: it has gone nowhere.
      this.#setup.report(error);
      return { reached: 0, missing: [], delivery: "local-only" };
    });
  }

  #delivered(address: string, frame: BrokerData): number {
    if (address === EVERYONE) return this.#toAll(frame);
    const userId = userIdIn(address) ?? this.#hashed.get(address);
    return userId === undefined ? 0 : this.#to(this.#setup.users.of(userId), frame);
  }

  /** Another node asks. @returns `undefined` for what this version does not know. */
  #answer(question: unknown, from: string): unknown {
    const call = readNodeCall(question);
    if (call === undefined) return undefined;
    if (call.do === "findReply") return this.replies?.known(call.name, from);
    if (call.do === "awaitReply") return this.replies?.ended(call.name);
    return this.#act(call);
  }

  /** @returns how many connections it reached. */
  #act(call: ConnectionCall): number {
    const { hub, users } = this.#setup;
    if (call.do === "closeUser") return close(users.of(call.user), call);
    const connection = hub.get(call.connection);
    if (connection === undefined) return 0;
    if (call.do === "close") return close([connection], call);
    const frame = frameOf(call);
    return frame === undefined ? 0 : this.#to([connection], frame);
  }

  #toAll(frame: BrokerData): number {
    const [v1, plain] = messagesOf(frame);
    return this.#setup.hub.broadcast(v1 === plain ? v1 : (format) => (format === PLAIN ? plain : v1));
  }

  #to(connections: readonly Connection<User>[], frame: BrokerData): number {
    if (connections.length === 0) return 0;
    const [v1, plain] = messagesOf(frame);
    return connections.filter((connection) => connection.send(connection.subprotocol === SUBPROTOCOL ? v1 : plain)).length;
  }
}

/** An event for each kind of client: bytes have a frame around them in v1 alone. */
function messagesOf(frame: BrokerData): readonly [v1: PreparedMessage, plain: PreparedMessage] {
  const v1 = new PreparedMessage(frame);
  return [v1, typeof frame === "string" ? v1 : plainFrame(frame)];
}

/** @returns how many were open. */
function close(connections: readonly Connection[], { code, reason }: Closing): number {
  const open = connections.filter(({ isOpen }) => isOpen);
  for (const connection of open) connection.close(code, reason);
  return open.length;
}

function here(reached: number): Reach {
  return { reached, missing: [], delivery: "cluster" };
}

function reachOf({ answers, missing, delivery }: Asked): Reach {
  let reached = 0;
  for (const answer of answers.values()) reached += countOf(answer);
  return { reached, missing, delivery };
}
