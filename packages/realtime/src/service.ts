import type { CloseInfo, Connection, ConnectionError, Leaving, Message, UpgradeRequest } from "@upwire/core";
import { SUBPROTOCOL, type Contract } from "@upwire/protocol";
import type { Reach } from "@upwire/cluster/casts";
import type { CloseOptions } from "./close-options.ts";
import { encoded, eventFrame, sendOwn } from "./frames.ts";
import { hello } from "./hello.ts";
import { PLAIN } from "./outreach.ts";
import { partsOf, type Parts } from "./parts.ts";
import { routeOptions, type AnyOptions } from "./read-options.ts";
import { encodeSaved } from "./saved.ts";
import { Session } from "./session.ts";
import type { RealtimeStats } from "./stats.ts";
import { TopicHandle } from "./topic-handle.ts";
import { checkedUserId, defaultUserId } from "./users.ts";
import { validatedNow } from "./validate.ts";

/** Whether it speaks `upwire.v1`. */
function speaksV1({ subprotocol }: Pick<Connection, "subprotocol">): boolean {
  return subprotocol === SUBPROTOCOL;
}

/** What a realtime does at each hook, and at each call of the application. */
export class Service<User> {
  readonly #options: AnyOptions<User>;
  readonly #parts: Parts<User>;
  readonly #hello: ReturnType<typeof hello>;

  constructor(contract: Contract | undefined, options: AnyOptions<User>) {
    this.#options = options;
    this.#parts = partsOf(contract, options);
    const { expectedClients, options: forRoute } = options;
    this.#hello = hello({ limits: this.#parts.limits, expectedClients, pingIntervalMs: forRoute?.pingIntervalMs });
  }

  /** As an application holds it: its hooks are members of its own, as core wants them. */
  realtime(): object {
    const stats = (): RealtimeStats => this.#stats();
    return {
      options: routeOptions(this.#options, this.#parts.node),
      ...(this.#options.fallback?.concurrency !== undefined && { concurrency: this.#options.fallback.concurrency }),
      open: (connection: Connection<User>, request: UpgradeRequest<never>) => this.#open(connection, request),
      message: (connection: Connection<User>, message: Message) => this.#message(connection, message),
      close: (connection: Connection<User>, info: CloseInfo) => this.#close(connection, info),
      drain: (connection: Connection<User>) => this.#fallback(connection)?.drain?.(connection),
      error: (connection: Connection<User>, error: ConnectionError) => this.#fallback(connection)?.error?.(connection, error),
      leaving: (connection: Connection<User>, notice: Leaving) => this.#leaving(connection, notice),
      ...this.#pingHooks(),
      topic: (pattern: string, parameters?: Readonly<Record<string, string | number>>) => this.#topic(pattern, parameters),
      user: (id: string) => this.#user(id),
      connection: (id: string) => this.#connection(id),
      send: (event: string, payload: unknown) => this.#parts.outreach.sendToAll(this.#frame(event, payload)),
      get stats(): RealtimeStats {
        return stats();
      },
      started: this.#parts.engine.started,
      save: () => this.#save(),
      stop: () => this.#stop(),
    };
  }

  /** Only with a fallback that has them: core copies the bytes of each ping for the hook. */
  #pingHooks(): object {
    const { fallback } = this.#options;
    return {
      ...(fallback?.ping && { ping: (connection: Connection<User>, data: Buffer) => this.#fallback(connection)?.ping?.(connection, data) }),
      ...(fallback?.pong && { pong: (connection: Connection<User>, data: Buffer) => this.#fallback(connection)?.pong?.(connection, data) }),
    };
  }

  /** Whose connection it is, when that is another handler's. */
  #fallback(connection: Connection<User>): AnyOptions<User>["fallback"] {
    return this.#parts.sessions.get(connection)?.isPlain === true ? this.#options.fallback : undefined;
  }

  #open(connection: Connection<User>, request: UpgradeRequest<never>): unknown {
    const { userId = defaultUserId } = this.#options;
    const { hub, users, outreach, tally } = this.#parts;
    const isPlain = !speaksV1(connection);
    const session = new Session({ connection, isPlain, userId: checkedUserId(userId, connection.context) });
    this.#parts.sessions.set(connection, session);
    hub.add(connection, isPlain ? { format: PLAIN } : undefined);
    outreach.opened();
    users.add(session);
    if (isPlain) tally.plainConnections++;
    else sendOwn(connection, this.#hello(connection));
    const { fallback, onOpen } = this.#options;
    if (isPlain && fallback !== undefined) return fallback.open?.(connection, request);
    return onOpen?.({ connection, user: connection.context, request });
  }

  #message(connection: Connection<User>, message: Message): unknown {
    const session = this.#parts.sessions.get(connection);
    // `open` failed, and the connection is ending.
    if (session === undefined) return undefined;
    // What it throws ends the connection, as when it opened.
    this.#parts.users.identify(session);
    const { fallback } = this.#options;
    if (session.isPlain && fallback !== undefined) return fallback.message?.(connection, message);
    if (session.isPlain) this.#parts.receiver.plainMessage(session, message);
    else this.#parts.receiver.message(session, message);
    return undefined;
  }

  #close(connection: Connection<User>, info: CloseInfo): unknown {
    const session = this.#parts.sessions.get(connection);
    if (session === undefined) return undefined;
    const { users, outreach, desk, engine, tally } = this.#parts;
    users.delete(session);
    outreach.closed();
    desk.leave(session);
    engine.closed(connection);
    if (!session.isPlain) return undefined;
    tally.plainConnections--;
    return this.#options.fallback?.close?.(connection, info);
  }

  #leaving(connection: Connection<User>, notice: Leaving): unknown {
    const { retryAfterMs } = notice;
    if (!speaksV1(connection)) return this.#fallback(connection)?.leaving?.(connection, notice);
    if (retryAfterMs !== undefined) sendOwn(connection, { type: "upwire.reconnect", payload: { afterMs: Math.round(retryAfterMs) } });
    return undefined;
  }

  #topic(pattern: string, parameters: Readonly<Record<string, string | number>> = {}): TopicHandle<User> {
    const { table, topicHandles } = this.#parts;
    const kind = table.of(pattern);
    const name = kind.pattern.name(parameters);
    return new TopicHandle(name, { kind, parameters: kind.pattern.match(name) ?? {} }, topicHandles);
  }

  /** An event of the server. @throws as `Recipients.send`. */
  #frame(event: string, payload: unknown): string | Uint8Array {
    return eventFrame(event, encoded(validatedNow(event, this.#parts.events.schemaOf(event), payload)));
  }

  #user(id: string): object {
    checkId("user", id);
    const { users, outreach } = this.#parts;
    return {
      get size(): number {
        return users.of(id).length;
      },
      send: (event: string, payload: unknown) => outreach.sendToUser(id, this.#frame(event, payload)),
      close: (code = 4403, reason = "", options?: CloseOptions): Promise<Reach> => outreach.closeUser(id, { code, reason }, options),
      [Symbol.iterator]: () => users.of(id)[Symbol.iterator](),
    };
  }

  #connection(id: string): object {
    checkId("connection", id);
    const { hub, outreach } = this.#parts;
    return {
      id,
      get connection(): Connection<User> | undefined {
        return hub.get(id);
      },
      send: (event: string, payload: unknown) => outreach.sendToOne(id, this.#frame(event, payload)),
      close: (code = 4403, reason = "", options?: CloseOptions): Promise<Reach> => outreach.closeOne(id, { code, reason }, options),
    };
  }

  #stats(): RealtimeStats {
    const { hub, users, tally, remembered, topicStats } = this.#parts;
    return { connections: hub.size, users: users.size, remembered: remembered.size, topics: { ...topicStats }, ...tally.snapshot() };
  }

  async #save(): Promise<Uint8Array> {
    const { engine, canSave, remembered, requests } = this.#parts;
    // The client repeats them in the next process, which has to know how they ended.
    await requests.settled();
    const broker = canSave ? await engine.save() : undefined;
    return encodeSaved({ replies: remembered.saved(), broker });
  }

  async #stop(): Promise<void> {
    const { engine, outreach, remembered, requests } = this.#parts;
    remembered.clear();
    requests.stop();
    await Promise.all([outreach.stop(), engine.close()]);
  }
}

function checkId(method: string, id: unknown): void {
  if (typeof id !== "string") throw new TypeError(`${method}: ${id === null ? "null" : typeof id} is no id; give a string`);
}
